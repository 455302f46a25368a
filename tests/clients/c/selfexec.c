/*
 * Executes itself five times. A request without close-on-exec lives through every exec and keeps
 * its line; one with it is closed by the exec, and its line is free at once.
 * Run as: ugpio run --chip exec:4 -- selfexec
 */
#include "raw.h"

enum { GENERATIONS = 5 };

static void next_generation(char *self, int generation, int kept, uint64_t value)
{
	char number[16], fd[16], bits[16];
	char *argv[] = { self, number, fd, bits, NULL };

	snprintf(number, sizeof(number), "%d", generation + 1);
	snprintf(fd, sizeof(fd), "%d", kept);
	snprintf(bits, sizeof(bits), "%d", (int)value);
	syscall(SYS_execve, "/proc/self/exe", argv, environ);
	fail(__FILE__, __LINE__, "execve");
}

int main(int argc, char **argv)
{
	int generation = argc > 1 ? atoi(argv[1]) : 0;
	int kept = argc > 2 ? atoi(argv[2]) : -1;
	uint64_t value = argc > 3 ? (uint64_t)atoi(argv[3]) : 0;
	int chip = open_chip("exec");
	int closing;

	CHECK(chip >= 0);
	if (generation == 0) {
		kept = request_lines(chip, 0, 1, GPIO_V2_LINE_FLAG_OUTPUT);
		CHECK(kept >= 0);
		CHECK(fcntl(kept, F_SETFD, 0) == 0);
	}
	CHECK(get_values(kept, 1) == value);
	set_values(kept, 1, !value);
	CHECK(get_values(kept, 1) == !value);
	CHECK_ERRNO(request_lines(chip, 0, 1, GPIO_V2_LINE_FLAG_INPUT), EBUSY);

	/* The exec before closed the last generation's; this one goes with the next. */
	closing = request_lines(chip, 1, 1, GPIO_V2_LINE_FLAG_INPUT);
	CHECK(closing >= 0);
	if (generation < GENERATIONS)
		next_generation(argv[0], generation, kept, !value);
	raw_close(kept);
	kept = request_lines(chip, 0, 1, GPIO_V2_LINE_FLAG_INPUT);
	CHECK(kept >= 0);
	printf("self exec: ok, %d generations\n", generation);
	return 0;
}
