/* Calls the probe, as firmware in C would. */
#include <stdio.h>

int ugpio_probe(void);

/* The alloc crate comes compiled for unwinding, which a program that aborts never does. */
void rust_eh_personality(void)
{
}

int main(void)
{
	int step = ugpio_probe();

	if (step)
		printf("the probe failed at step %d\n", step);
	return step != 0;
}
