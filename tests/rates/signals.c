// How often a signal ends a call with EINTR that never gives it: rounds of calls under a timer.
//
//     signals TIMER_US RESTART ROUNDS
//
// RESTART is 1 for a handler with SA_RESTART, 0 for one without. Any other failure is an error.
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void count(int signal)
{
	(void)signal;
	signals++;
}

static long interrupted[4];

// Notes how a call ended; whether it worked.
static int ended(int kind, int result, const char *call)
{
	if (result >= 0)
		return 1;
	if (errno != EINTR) {
		perror(call);
		exit(1);
	}
	interrupted[kind]++;
	return 0;
}

static void calls(int chip)
{
	struct gpiochip_info info;
	struct stat stat_of;
	int file;

	ended(0, stat("/etc/passwd", &stat_of), "stat");
	file = open("/etc/passwd", O_RDONLY);
	if (ended(1, file, "open"))
		close(file);
	ended(2, access("/dev/gpiochip0", F_OK), "access");
	ended(3, ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &info), "ioctl");
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = count };
	struct itimerval timer = { { 0, 0 }, { 0, 0 } };
	long rounds, sum, round;
	int chip;

	if (argc != 4)
		return 2;
	chip = open("/dev/gpiochip0", O_RDWR | O_CLOEXEC);
	if (chip < 0) {
		perror("/dev/gpiochip0");
		return 1;
	}
	timer.it_interval.tv_usec = timer.it_value.tv_usec = atoi(argv[1]);
	action.sa_flags = atoi(argv[2]) ? SA_RESTART : 0;
	rounds = atol(argv[3]);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (round = 0; round < rounds; round++)
		calls(chip);
	memset(&timer, 0, sizeof timer);
	setitimer(ITIMER_REAL, &timer, NULL);
	if (rounds < 1 || signals == 0) {
		fprintf(stderr, "no signal came in %ld rounds\n", rounds);
		return 1;
	}
	sum = interrupted[0] + interrupted[1] + interrupted[2] + interrupted[3];
	printf("timer %s us, SA_RESTART %s: %ld of %ld calls EINTR (%.2f %%): stat %ld, open %ld, access %ld, ioctl %ld; %ld signals\n",
	       argv[1], argv[2], sum, 4 * rounds, 25.0 * sum / rounds, interrupted[0], interrupted[1],
	       interrupted[2], interrupted[3], (long)signals);
	return 0;
}
