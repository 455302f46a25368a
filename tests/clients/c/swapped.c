/*
 * Swaps the numbers of two requests with dup2 between two calls, so that whoever answers by number,
 * or trusts what a number led to last time, drives the wrong line.
 * Run as: ugpio run --chip swap:4 -- swapped
 */
#include "raw.h"

enum { ROUNDS = 200 };

int main(void)
{
	int chip = open_chip("swap"), a, b, spare;

	CHECK(chip >= 0);
	a = request_lines(chip, 0, 1, GPIO_V2_LINE_FLAG_OUTPUT);
	b = request_lines(chip, 1, 1, GPIO_V2_LINE_FLAG_OUTPUT);
	CHECK(a >= 0 && b >= 0);
	for (int round = 0; round < ROUNDS; round++) {
		/* Number `a` is line 0 in even rounds, line 1 in odd ones; line 0 is to be 1, line 1 to be 0. */
		uint64_t value = round % 2 == 0;

		set_values(a, 1, value);
		set_values(b, 1, !value);
		/* Seen from outside: a reader that is fooled as the writer was would not notice. */
		if (round < 2) {
			CHECK(ctl("wait", "swap", "0", "high", "--timeout", "60", NULL) == 0);
			CHECK(ctl("wait", "swap", "1", "low", "--timeout", "60", NULL) == 0);
		}
		CHECK(get_values(a, 1) == value && get_values(b, 1) == !value);
		CHECK((spare = dup(a)) >= 0 && dup2(b, a) == a && dup2(spare, b) == b);
		raw_close(spare);
	}
	printf("swapped: ok, %d rounds\n", ROUNDS);
	return 0;
}
