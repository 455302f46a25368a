/*
 * Starts three daemons, each holding one line, and exits with 7 at once. The daemons wait on
 * standard input (the caller's "the run has returned"), then still own and drive their lines.
 * Run as: ugpio run --chip daemons:4 -- daemons
 */
#include "raw.h"

static void daemon_life(int request, int number, int parent_gone)
{
	char byte;

	CHECK(setsid() >= 0);
	CHECK(chdir("/") == 0);
	if (fork() != 0)
		_exit(0);
	CHECK(read(parent_gone, &byte, 1) == 0); /* end of file: PROGRAM has exited */
	CHECK(read(STDIN_FILENO, &byte, 1) >= 0);
	for (uint64_t value = 0; value < 100; value++) {
		set_values(request, 1, value & 1);
		CHECK(get_values(request, 1) == (value & 1));
	}
	printf("daemon %d: ok\n", number);
	fflush(stdout);
	_exit(0);
}

int main(void)
{
	int chip = open_chip("daemons");
	int gone[2];

	CHECK(chip >= 0 && pipe(gone) == 0);
	for (int i = 0; i < 3; i++) {
		int request = request_lines(chip, (unsigned int)i, 1, GPIO_V2_LINE_FLAG_OUTPUT);
		pid_t child;

		CHECK(request >= 0);
		child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			close(gone[1]);
			daemon_life(request, i, gone[0]);
		}
		raw_close(request);
		CHECK(waitpid(child, NULL, 0) == child);
		/* The daemon holds the line, though this process has closed it. */
		CHECK_ERRNO(request_lines(chip, (unsigned int)i, 1, GPIO_V2_LINE_FLAG_INPUT), EBUSY);
	}
	return 7;
}
