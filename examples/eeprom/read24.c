/*
 * Reads an EEPROM of the 24C02 kind by bit-banging I2C on two lines, as on a board without a controller:
 *
 *   cc -o read24 read24.c && ./read24 /dev/gpiochip0 14
 *
 * prints so many bytes from address 0. Knows nothing of ugpio.
 */
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { SDA = 1, SCL = 2, ADDRESS = 0x50 };

static int lines;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void set(unsigned line, int high)
{
	struct gpio_v2_line_values values = { .bits = high ? line : 0, .mask = line };

	if (ioctl(lines, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0)
		die("read24: set");
}

static int get(unsigned line)
{
	struct gpio_v2_line_values values = { .mask = line };

	if (ioctl(lines, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0)
		die("read24: get");
	return !!(values.bits & line);
}

static void start(void)
{
	set(SDA, 1), set(SCL, 1), set(SDA, 0), set(SCL, 0);
}

static void stop(void)
{
	set(SDA, 0), set(SCL, 1), set(SDA, 1);
}

static int bit(int high)
{
	int seen;

	set(SDA, high), set(SCL, 1);
	seen = get(SDA);
	set(SCL, 0);
	return seen;
}

static void put(int byte)
{
	for (int i = 7; i >= 0; i--)
		bit(byte >> i & 1);
	if (bit(1)) {
		fprintf(stderr, "read24: nobody answers\n");
		exit(1);
	}
}

static int take(int more)
{
	int byte = 0;

	for (int i = 0; i < 8; i++)
		byte = byte << 1 | bit(1);
	bit(!more);
	return byte;
}

int main(int argc, char **argv)
{
	int chip = open(argc > 1 ? argv[1] : "/dev/gpiochip0", O_RDWR);
	int count = argc > 2 ? atoi(argv[2]) : 16;
	struct gpio_v2_line_request req = { .num_lines = 2, .offsets = { 0, 1 }, .consumer = "i2c" };

	/* High until we say otherwise: an open-drain line that is high is let go. */
	req.config.flags = GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_OPEN_DRAIN;
	req.config.num_attrs = 1;
	req.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
	req.config.attrs[0].attr.values = SDA | SCL;
	req.config.attrs[0].mask = SDA | SCL;
	if (chip < 0 || ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &req) < 0)
		die("read24");
	lines = req.fd;
	start(), put(ADDRESS << 1), put(0);
	start(), put(ADDRESS << 1 | 1);
	while (count-- > 0)
		putchar(take(count > 0));
	putchar('\n');
	stop();
	return 0;
}
