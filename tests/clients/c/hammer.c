/*
 * Four threads, each with a request of its own, set and read back values as fast as they can, while
 * a fifth opens chips, forks, dups, swaps and passes their descriptors over a Unix socket. What a
 * descriptor means must follow the object behind it, never its number.
 * Run as: ugpio run --chip hammer:16 -- hammer [ROUNDS]
 */
#include "raw.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { WORKERS = 4, LINES_EACH = 4 };
#define ALL_LINES ((1u << LINES_EACH) - 1)

static int requests[WORKERS];
static atomic_bool stop;
static atomic_ulong calls;

/* Lines 1-3 of the request count up; line 0 says who it is, for the meddler. */
static uint64_t identity(int worker)
{
	return (uint64_t)(worker & 1);
}

static void *worker(void *argument)
{
	int id = (int)(intptr_t)argument;

	for (uint64_t round = 0; !atomic_load(&stop); round++) {
		uint64_t bits = (round << 1 & ALL_LINES) | identity(id);

		set_values(requests[id], ALL_LINES, bits);
		CHECK(get_values(requests[id], ALL_LINES) == bits);
		atomic_fetch_add(&calls, 2);
	}
	return NULL;
}

static void send_descriptor(int socket, int fd)
{
	char byte = 'd', space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1,
				  .msg_control = space, .msg_controllen = sizeof(space) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	CHECK(sendmsg(socket, &message, 0) == 1);
}

static int receive_descriptor(int socket)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1,
				  .msg_control = space, .msg_controllen = sizeof(space) };
	int fd;

	CHECK(recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1);
	CHECK(CMSG_FIRSTHDR(&message) != NULL);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

static void check_identity(int fd, int worker)
{
	CHECK(get_values(fd, 1) == identity(worker));
}

/* A child inherits all requests, looks at each, receives one more, and goes. */
static void fork_and_look(int sockets[2], int which)
{
	pid_t child;
	int status;

	send_descriptor(sockets[0], requests[which]);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		int passed = receive_descriptor(sockets[1]);

		check_identity(passed, which);
		for (int i = 0; i < WORKERS; i++)
			check_identity(requests[i], i);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The same number stands for one request, then for another, then for a chip. */
static void swap_under_a_number(int which)
{
	int other = (which + 1) % WORKERS;
	int number = dup(requests[which]);
	int chip;
	struct gpio_v2_line_values values = { .mask = 1 };
	struct gpiochip_info info;

	CHECK(number >= 0);
	check_identity(number, which);
	CHECK(dup2(requests[other], number) == number);
	check_identity(number, other);
	chip = open_chip("hammer");
	CHECK(chip >= 0 && dup2(chip, number) == number);
	CHECK(raw_ioctl(number, GPIO_GET_CHIPINFO_IOCTL, &info) == 0);
	CHECK_ERRNO(raw_ioctl(number, GPIO_V2_LINE_GET_VALUES_IOCTL, &values), EINVAL);
	raw_close(chip);
	raw_close(number);
}

static void meddle(unsigned long rounds)
{
	int sockets[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
	for (unsigned long round = 0; round < rounds; round++) {
		int which = (int)(round % WORKERS);
		int passed;

		swap_under_a_number(which);
		fork_and_look(sockets, which);
		send_descriptor(sockets[0], requests[which]);
		passed = receive_descriptor(sockets[1]);
		check_identity(passed, which);
		raw_close(passed);
	}
	raw_close(sockets[0]);
	raw_close(sockets[1]);
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
	int before = open_descriptors();
	int chip = open_chip("hammer");
	pthread_t threads[WORKERS];
	int all;

	CHECK(chip >= 0);
	for (int i = 0; i < WORKERS; i++) {
		requests[i] = request_lines(chip, (unsigned int)(i * LINES_EACH), LINES_EACH,
					    GPIO_V2_LINE_FLAG_OUTPUT);
		CHECK(requests[i] >= 0);
		set_values(requests[i], ALL_LINES, identity(i));
	}
	for (intptr_t i = 0; i < WORKERS; i++)
		CHECK(pthread_create(&threads[i], NULL, worker, (void *)i) == 0);
	meddle(rounds);
	atomic_store(&stop, true);
	for (int i = 0; i < WORKERS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(atomic_load(&calls) > 0);

	/* Nothing still holds a line: closing the four is enough to have all sixteen. */
	for (int i = 0; i < WORKERS; i++)
		raw_close(requests[i]);
	all = request_lines(chip, 0, WORKERS * LINES_EACH, GPIO_V2_LINE_FLAG_INPUT);
	CHECK(all >= 0);
	raw_close(all);
	raw_close(chip);
	CHECK(open_descriptors() == before);
	printf("hammer: ok, %lu rounds, %lu value calls\n", rounds, atomic_load(&calls));
	return 0;
}
