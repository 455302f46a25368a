/*
 * A process that is stopped, often in the middle of a call, delays nobody else; continued, it goes
 * on as if nothing had been. Then the whole of it is killed, and its line is free.
 * Run as: ugpio run --chip stopped:4 -- stopped
 */
#include "raw.h"
#include <pthread.h>

enum { STOPS = 100, CALLS_WHILE_STOPPED = 20 };

static int busy_request;

/* Calls without pause, so that a stop nearly always finds one in flight. */
static void *busy(void *argument)
{
	(void)argument;
	for (uint64_t value = 0;; value = !value)
		set_values(busy_request, 1, value);
	return NULL;
}

static void busy_child(int ready)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, busy, NULL) == 0);
	CHECK(write(ready, "r", 1) == 1);
	busy(NULL);
}

int main(void)
{
	int chip = open_chip("stopped");
	int mine = request_lines(chip, 0, 1, GPIO_V2_LINE_FLAG_OUTPUT);
	int ready[2], status;
	pid_t child;
	char byte;

	busy_request = request_lines(chip, 1, 1, GPIO_V2_LINE_FLAG_OUTPUT);
	CHECK(chip >= 0 && mine >= 0 && busy_request >= 0 && pipe(ready) == 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0)
		busy_child(ready[1]);
	raw_close(busy_request);
	CHECK(read(ready[0], &byte, 1) == 1);

	for (int i = 0; i < STOPS; i++) {
		CHECK(kill(child, SIGSTOP) == 0);
		CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
		for (int call = 0; call < CALLS_WHILE_STOPPED; call++) {
			set_values(mine, 1, (uint64_t)(call & 1));
			CHECK(get_values(mine, 1) == (uint64_t)(call & 1));
		}
		CHECK(kill(child, SIGCONT) == 0);
		CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
	}
	/* Killed while stopped: gone all the same, and the line with it. */
	CHECK(kill(child, SIGSTOP) == 0);
	CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
	CHECK_ERRNO(request_lines(chip, 1, 1, GPIO_V2_LINE_FLAG_INPUT), EBUSY);
	CHECK(kill(child, SIGKILL) == 0);
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	CHECK(request_lines(chip, 1, 1, GPIO_V2_LINE_FLAG_INPUT) >= 0);
	printf("stopped: ok, %d stops\n", STOPS);
	return 0;
}
