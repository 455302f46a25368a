#include <fcntl.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* What is tested: switches line 3 of the first chip on. */
static int switch_on(void)
{
	struct gpio_v2_line_request request = {.offsets = {3}, .num_lines = 1};
	int chip = open("/dev/gpiochip0", O_RDWR | O_CLOEXEC);

	strcpy(request.consumer, "blink");
	request.config.flags = GPIO_V2_LINE_FLAG_OUTPUT;
	request.config.num_attrs = 1;
	request.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
	request.config.attrs[0].attr.values = request.config.attrs[0].mask = 1;
	if (chip < 0 || ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request))
		return -1;
	return request.fd;
}

int main(void)
{
	if (switch_on() < 0) {
		perror("blink");
		return 1;
	}
	/* The world outside: the lamp is lit, or this fails after 5 s. */
	if (system("ugpio ctl wait bench 3 high --timeout 5"))
		return 1;
	puts("1 passed");
	return 0;
}
