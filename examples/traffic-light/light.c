/*
 * A traffic light with a button, for the GPIO character device. Green until somebody wants to walk, then
 * amber, red, red and amber, and green again. Ends after one crossing. Knows nothing of ugpio.
 *
 *   cc -o light light.c && ./light /dev/gpiochip0
 */
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { RED = 1, AMBER = 2, GREEN = 4, BUTTON_LINE = 3 };

static int request(int chip, const unsigned *lines, unsigned count, unsigned long long flags, unsigned debounce_us)
{
	struct gpio_v2_line_request req = { .num_lines = count };

	memcpy(req.offsets, lines, count * sizeof(*lines));
	strcpy(req.consumer, "crossing");
	req.config.flags = flags;
	if (debounce_us) {
		req.config.num_attrs = 1;
		req.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_DEBOUNCE;
		req.config.attrs[0].attr.debounce_period_us = debounce_us;
		req.config.attrs[0].mask = 1;
	}
	return ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &req) < 0 ? -1 : req.fd;
}

static int show(int lamps, unsigned lit, long ms)
{
	struct gpio_v2_line_values values = { .bits = lit, .mask = RED | AMBER | GREEN };
	struct timespec pause = { .tv_nsec = ms * 1000000 };

	if (ioctl(lamps, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0)
		return -1;
	return nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
	const unsigned lamp_lines[] = { 0, 1, 2 }, button_line[] = { BUTTON_LINE };
	struct gpio_v2_line_event event;
	int chip = open(argc > 1 ? argv[1] : "/dev/gpiochip0", O_RDWR);
	int button = request(chip, button_line, 1, GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_FALLING, 5000);
	int lamps = request(chip, lamp_lines, 3, GPIO_V2_LINE_FLAG_OUTPUT, 0);

	if (chip < 0 || button < 0 || lamps < 0 || show(lamps, GREEN, 0) < 0) {
		perror("light");
		return 1;
	}
	if (read(button, &event, sizeof(event)) != sizeof(event)) {
		perror("light: button");
		return 1;
	}
	if (show(lamps, AMBER, 30) || show(lamps, RED, 60) || show(lamps, RED | AMBER, 30) || show(lamps, GREEN, 0)) {
		perror("light");
		return 1;
	}
	return 0;
}
