/*
 * The shortest useful client: finds the chip of the run, asks for its lines' infos, ends. Many of it
 * are started by leaks.py.
 */
#include "raw.h"

int main(void)
{
	struct gpio_v2_line_info line;
	int chip = open_chip("leaks");

	CHECK(chip >= 0);
	for (unsigned int offset = 0; offset < 8; offset++) {
		memset(&line, 0, sizeof(line));
		line.offset = offset;
		CHECK(raw_ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &line) == 0);
	}
	return 0;
}
