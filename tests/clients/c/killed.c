/*
 * kill -9 of a process that holds lines frees them at once: no later than wait() returns, whoever
 * asks next gets them. A child that inherited the request keeps it until it goes too.
 * Run as: ugpio run --chip killed:4 -- killed
 */
#include "raw.h"

enum { ROUNDS = 200 };

static pid_t holder(const char *label, int wait_fd, int ready)
{
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		int chip = open_chip(label);
		char byte;

		CHECK(chip >= 0 && request_lines(chip, 0, 4, GPIO_V2_LINE_FLAG_INPUT) >= 0);
		CHECK(write(ready, "r", 1) == 1);
		CHECK(read(wait_fd, &byte, 1) == 0);
		_exit(1);
	}
	return child;
}

static void kill_and_reap(pid_t child)
{
	int status;

	CHECK(kill(child, SIGKILL) == 0);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
	int chip = open_chip("killed");
	int never[2], ready[2];
	char byte;

	CHECK(chip >= 0 && pipe(never) == 0 && pipe(ready) == 0);
	for (int round = 0; round < ROUNDS; round++) {
		pid_t child = holder("killed", never[0], ready[1]);
		int request;

		CHECK(read(ready[0], &byte, 1) == 1);
		CHECK_ERRNO(request_lines(chip, 3, 1, GPIO_V2_LINE_FLAG_INPUT), EBUSY);
		kill_and_reap(child);
		request = request_lines(chip, 0, 4, GPIO_V2_LINE_FLAG_INPUT);
		CHECK(request >= 0);
		raw_close(request);
	}
	printf("killed: ok, %d rounds\n", ROUNDS);
	return 0;
}
