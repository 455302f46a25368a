// How many of eight requests a poll finds hung up when it wakes at an unplug.
//
//     unplugs COUNT
//
// To be run in `ugpio run --chip a:8` with `ugpio` on the path: it unplugs the chip and plugs it in again.
#include <fcntl.h>
#include <linux/gpio.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES = 8 };

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

static void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "ugpio ctl failed\n");
		exit(1);
	}
}

static int request(int chip, int line)
{
	struct gpio_v2_line_request request;

	memset(&request, 0, sizeof request);
	request.offsets[0] = line;
	request.num_lines = 1;
	request.config.flags = GPIO_V2_LINE_FLAG_INPUT;
	if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) < 0)
		die("request");
	return request.fd;
}

// One unplug; how many requests the poll that it woke found hung up.
static int seen_at_an_unplug(void)
{
	struct pollfd lines[LINES];
	int chip = open("/dev/gpiochip0", O_RDWR | O_CLOEXEC);
	int line, seen = 0;
	pid_t unplug;

	if (chip < 0)
		die("/dev/gpiochip0");
	for (line = 0; line < LINES; line++)
		lines[line] = (struct pollfd){ .fd = request(chip, line), .events = POLLIN };
	unplug = ctl("unplug", "a");
	if (poll(lines, LINES, 60000) < 1)
		die("poll");
	for (line = 0; line < LINES; line++) {
		seen += (lines[line].revents & POLLHUP) != 0;
		close(lines[line].fd);
	}
	close(chip);
	wait_for(unplug);
	wait_for(ctl("plug", "a:8"));
	return seen;
}

int main(int argc, char **argv)
{
	long count = argc == 2 ? atol(argv[1]) : 0;
	long partial = 0, round;

	if (count < 1) {
		fprintf(stderr, "unplugs COUNT: a number from 1\n");
		return 2;
	}
	for (round = 0; round < count; round++)
		partial += seen_at_an_unplug() < LINES;
	printf("%ld of %ld unplugs showed fewer than %d of %d requests\n", partial, count, LINES, LINES);
	return 0;
}
