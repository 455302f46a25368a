// How many of eight files of a chip a program finds hung up when it first finds one so, at an unplug.
//
//     unplugs KIND COUNT
//
// KIND is how it looks: one of the names in `kinds`, or "all". To be run in `ugpio run --chip a:8` with `ugpio` on the
// path: it unplugs the chip and plugs it in again. Ends with 1 if a part was seen.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 8, THREADS = 3 };

static int files[FILES];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static pid_t ctl(const char *verb, const char *chip)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execlp("ugpio", "ugpio", "ctl", verb, chip, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void wait_for(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "%s failed\n", what);
		exit(1);
	}
}

static int open_chip(void)
{
	int chip = open("/dev/gpiochip0", O_RDWR | O_CLOEXEC);

	if (chip < 0)
		die("/dev/gpiochip0");
	return chip;
}

static int request(int line)
{
	struct gpio_v2_line_request request;
	int chip = open_chip();

	memset(&request, 0, sizeof request);
	request.offsets[0] = line;
	request.num_lines = 1;
	request.config.flags = GPIO_V2_LINE_FLAG_INPUT;
	if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) < 0)
		die("request");
	close(chip);
	return request.fd;
}

// How many a poll of all finds hung up; waits for the first if `timeout` is -1.
static int polled(int timeout)
{
	struct pollfd all[FILES];
	int file, seen = 0;

	for (file = 0; file < FILES; file++)
		all[file] = (struct pollfd){ .fd = files[file], .events = POLLIN };
	if (poll(all, FILES, timeout) < 0)
		die("poll");
	for (file = 0; file < FILES; file++)
		seen += (all[file].revents & POLLHUP) != 0;
	return seen;
}

static int in_poll(void)
{
	return polled(-1);
}

static int busily(void)
{
	int seen;

	while ((seen = polled(0)) == 0)
		;
	return seen;
}

static int in_naps(void)
{
	struct timespec nap = { 0, 20000 };
	int seen;

	while ((seen = polled(0)) == 0)
		nanosleep(&nap, NULL);
	return seen;
}

// Between calls that are trapped.
static int between_calls(void)
{
	struct gpio_v2_line_values values = { 0, 1 };
	int seen;

	while ((seen = polled(0)) == 0)
		if (ioctl(files[0], GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0 && errno != ENODEV)
			die("values");
	return seen;
}

// One call that says that the chip is gone.
static int after_an_error(void)
{
	struct gpio_v2_line_values values = { 0, 1 };

	while (ioctl(files[0], GPIO_V2_LINE_GET_VALUES_IOCTL, &values) == 0)
		;
	return polled(0);
}

static int in_select(void)
{
	fd_set all;
	int file, seen = 0, last = 0;

	FD_ZERO(&all);
	for (file = 0; file < FILES; file++) {
		FD_SET(files[file], &all);
		last = files[file] > last ? files[file] : last;
	}
	if (select(last + 1, &all, NULL, NULL, NULL) < 0)
		die("select");
	for (file = 0; file < FILES; file++)
		seen += FD_ISSET(files[file], &all) != 0;
	return seen;
}

static int epolled(int timeout)
{
	struct epoll_event events[FILES], one = { .events = EPOLLIN };
	int set = epoll_create1(EPOLL_CLOEXEC);
	int file, seen;

	for (file = 0; file < FILES; file++)
		if (epoll_ctl(set, EPOLL_CTL_ADD, files[file], &one) < 0)
			die("epoll_ctl");
	do
		seen = epoll_wait(set, events, FILES, timeout);
	while (seen == 0);
	if (seen < 0)
		die("epoll_wait");
	close(set);
	return seen;
}

static int in_epoll(void)
{
	return epolled(-1);
}

static int in_busy_epoll(void)
{
	return epolled(0);
}

// Another file tells it: the first of them, on which it waits alone.
static int by_the_first(void)
{
	struct pollfd first = { .fd = files[0], .events = POLLIN };

	if (poll(&first, 1, -1) < 0)
		die("poll");
	return polled(0);
}

static const struct kind {
	const char *name;
	int (*look)(void);
	int chips; // open files of the chip instead of requests
	int others; // so many threads and as many processes look as well
} kinds[] = {
	{ "poll", in_poll, 0, 0 },
	{ "busy", busily, 0, 0 },
	{ "naps", in_naps, 0, 0 },
	{ "between-calls", between_calls, 0, 0 },
	{ "after-error", after_an_error, 0, 0 },
	{ "select", in_select, 0, 0 },
	{ "epoll", in_epoll, 0, 0 },
	{ "busy-epoll", in_busy_epoll, 0, 0 },
	{ "by-the-first", by_the_first, 0, 0 },
	{ "chips", in_poll, 1, 0 },
	{ "threads", in_poll, 0, THREADS },
	{ "busy-threads", busily, 0, THREADS },
	{ "first-threads", by_the_first, 0, THREADS },
	{ "epoll-threads", in_epoll, 0, THREADS },
};

static void *look(void *kind)
{
	return (void *)(long)((const struct kind *)kind)->look();
}

// One unplug; whether somebody saw a part.
static int is_partial(const struct kind *kind)
{
	pthread_t threads[THREADS];
	pid_t unplug, children[THREADS];
	int file, other, partial, status;
	void *seen;

	for (file = 0; file < FILES; file++)
		files[file] = kind->chips ? open_chip() : request(file);
	for (other = 0; other < kind->others; other++) {
		children[other] = fork();
		if (children[other] < 0)
			die("fork");
		if (children[other] == 0)
			_exit(kind->look() == FILES ? 0 : 1);
	}
	for (other = 0; other < kind->others; other++)
		if (pthread_create(&threads[other], NULL, look, (void *)kind) != 0)
			die("pthread_create");
	unplug = ctl("unplug", "a");
	partial = kind->look() != FILES;
	for (other = 0; other < kind->others; other++) {
		pthread_join(threads[other], &seen);
		partial |= (long)seen != FILES;
		if (waitpid(children[other], &status, 0) < 0 || !WIFEXITED(status))
			die("child");
		partial |= WEXITSTATUS(status) != 0;
	}
	for (file = 0; file < FILES; file++)
		close(files[file]);
	wait_for(unplug, "ugpio ctl unplug");
	wait_for(ctl("plug", "a:8"), "ugpio ctl plug");
	return partial;
}

static long measured(const struct kind *kind, long count)
{
	long partial = 0, round;

	for (round = 0; round < count; round++)
		partial += is_partial(kind);
	printf("%s: %ld of %ld unplugs showed fewer than %d of %d files\n", kind->name, partial, count, FILES,
	       FILES);
	fflush(stdout);
	return partial;
}

int main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[2]) : 0;
	long partial = 0;
	int is_known = 0;
	size_t kind;

	for (kind = 0; kind < sizeof kinds / sizeof *kinds && count > 0; kind++)
		if (strcmp(argv[1], "all") == 0 || strcmp(argv[1], kinds[kind].name) == 0) {
			is_known = 1;
			partial += measured(&kinds[kind], count);
		}
	if (!is_known) {
		fprintf(stderr, "unplugs KIND COUNT: a kind, or all, and a number from 1\n");
		return 2;
	}
	return partial != 0;
}
