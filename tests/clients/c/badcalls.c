/*
 * Calls that no sane program makes: pointers to nowhere, records half mapped, lengths beyond reason,
 * paths without end, then a storm of calls with arguments drawn from such. Each has Linux's answer,
 * and the run goes on as if nothing had been.
 * Run as: ugpio run --chip bad:8 -- badcalls [SEED]
 */
#include "raw.h"
#include <sys/mman.h>
#include <sys/uio.h>

enum { STORM_CALLS = 30000, PAGE = 4096 };
#define NOWHERE ((void *)8)

static char *edge; /* the last readable byte is edge[-1]: nothing is mapped from here on */

static void map_edge(void)
{
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(pages != MAP_FAILED);
	CHECK(munmap(pages + PAGE, PAGE) == 0);
	edge = pages + PAGE;
}

static void bad_paths(const char *node)
{
	static char endless[3 * PAGE];
	struct stat status;
	char *last = edge - strlen(node);

	CHECK_ERRNO(raw_open(NOWHERE, O_RDWR), EFAULT);
	CHECK_ERRNO(raw_open("", O_RDWR), ENOENT);
	memcpy(last, node, strlen(node)); /* its end would be in the page that is not there */
	CHECK_ERRNO(raw_open(last, O_RDWR), EFAULT);
	memset(endless, '/', sizeof(endless) - 1);
	CHECK_ERRNO(raw_open(endless, O_RDONLY), ENAMETOOLONG);
	CHECK_ERRNO((int)syscall(SYS_newfstatat, AT_FDCWD, node, NOWHERE, 0), EFAULT);
	CHECK_ERRNO((int)syscall(SYS_newfstatat, AT_FDCWD, node, edge - 8, 0), EFAULT);
	CHECK_ERRNO((int)syscall(SYS_newfstatat, 12345, "gpiochip0", &status, 0), EBADF);
	CHECK_ERRNO((int)syscall(SYS_readlinkat, AT_FDCWD, "/sys/bus/gpio/devices/gpiochip0", NOWHERE, 64),
		    EFAULT);
}

static void bad_ioctls(int chip, int request)
{
	struct gpio_v2_line_values values = { .mask = 1 };

	CHECK_ERRNO(raw_ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, NOWHERE), EFAULT);
	CHECK_ERRNO(raw_ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, edge - 8), EFAULT);
	CHECK_ERRNO(raw_ioctl(chip, GPIO_V2_GET_LINE_IOCTL, edge - 256), EFAULT);
	CHECK_ERRNO(raw_ioctl(request, GPIO_V2_LINE_GET_VALUES_IOCTL, edge - 8), EFAULT);
	CHECK_ERRNO(raw_ioctl(chip, 0xc010b4ff, &values), EINVAL);
	CHECK_ERRNO(raw_ioctl(request, GPIO_GET_CHIPINFO_IOCTL, &values), EINVAL);
	CHECK_ERRNO(raw_ioctl(-1, GPIO_GET_CHIPINFO_IOCTL, &values), EBADF);
	CHECK_ERRNO(raw_ioctl(1, GPIO_V2_LINE_GET_VALUES_IOCTL, NOWHERE), ENOTTY);
}

static void bad_reads(int request)
{
	struct gpio_v2_line_event event;

	CHECK(fcntl(request, F_SETFL, O_NONBLOCK) == 0);
	CHECK_ERRNO((int)raw_read(request, &event, sizeof(event)), EAGAIN);
	CHECK(raw_read(request, &event, (size_t)-1) == -1);
	CHECK_ERRNO((int)syscall(SYS_write, request, "x", 1), EBADF);
}

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static const void *any_pointer(const char *node)
{
	const void *pool[] = { NOWHERE, NULL, edge - 1, edge - 16, edge - 600, edge, (void *)-1L, node,
			       "/dev", "/sys/bus/gpio/devices", "/sys/bus/gpio/devices/gpiochip0/dev",
			       "gpiochip0", "..", "/dev/../sys/class/gpio/../../bus/gpio",
			       "/sys/dev/char/254:0/subsystem", "/proc/self/fd/3", "/proc/mounts",
			       "/dev/gpiochip4294967296", "/dev//gpiochip0/", "./.././x" };

	return pool[draw(sizeof(pool) / sizeof(pool[0]))];
}

static long any_number(void)
{
	const long pool[] = { 0, 1, 2, 3, 4, 5, 16, 48, 288, 4096, 1 << 20, -1, AT_FDCWD, 12345,
			      0x7fffffff, -0x7fffffffL, 1L << 32, (long)(1UL << 63), AT_EMPTY_PATH,
			      AT_SYMLINK_NOFOLLOW, O_RDWR | O_NONBLOCK, O_PATH, O_DIRECTORY };

	return pool[draw(sizeof(pool) / sizeof(pool[0]))];
}

static long any_command(void)
{
	const unsigned long pool[] = {
		GPIO_GET_CHIPINFO_IOCTL, GPIO_GET_LINEINFO_UNWATCH_IOCTL, GPIO_GET_LINEINFO_IOCTL,
		GPIO_GET_LINEHANDLE_IOCTL, GPIO_GET_LINEEVENT_IOCTL, GPIO_GET_LINEINFO_WATCH_IOCTL,
		GPIO_V2_GET_LINEINFO_IOCTL, GPIO_V2_GET_LINEINFO_WATCH_IOCTL, GPIO_V2_GET_LINE_IOCTL,
		GPIO_V2_LINE_SET_CONFIG_IOCTL, GPIO_V2_LINE_GET_VALUES_IOCTL,
		GPIO_V2_LINE_SET_VALUES_IOCTL };

	return (long)(draw(4) ? pool[draw(sizeof(pool) / sizeof(pool[0]))]
			      : 0x8000b400UL + draw(16) + (draw(0x400) << 16));
}

/* One call, with arguments of the right kind at best. Reads never block: 0 and 1 are /dev/null. */
static void any_call(const char *node)
{
	const void *path = any_pointer(node), *other = any_pointer(node);
	long fd = any_number(), flags = any_number(), count = any_number();

	switch (draw(12)) {
	case 0: {
		long opened = syscall(SYS_openat, fd, path, flags | O_NONBLOCK, 0600);
		if (opened > 5)
			raw_close((int)opened);
		break;
	}
	case 1: syscall(SYS_newfstatat, fd, path, other, flags); break;
	case 2: syscall(SYS_statx, fd, path, flags, count, other); break;
	case 3: syscall(SYS_readlinkat, fd, path, other, count); break;
	case 4: syscall(SYS_faccessat, fd, path, flags); break;
	case 5: syscall(SYS_faccessat2, fd, path, flags, count); break;
	case 6: syscall(SYS_mkdirat, fd, path, flags); break;
	case 7: syscall(SYS_unlinkat, fd, path, flags); break;
	case 8: syscall(SYS_write, fd, other, count); break;
	case 9: syscall(SYS_pwrite64, fd, other, count, flags); break;
	case 10: syscall(SYS_writev, fd, other, count); break;
	default: syscall(SYS_ioctl, fd, any_command(), other); break;
	}
}

/* Descriptors 3 to 5 are the chip, a request and /dev; the rest is closed. */
static void storm(int chip, int request, const char *node, uint64_t seed)
{
	pid_t child = fork();
	int status;

	CHECK(child >= 0);
	if (child == 0) {
		int null = open("/dev/null", O_RDWR), devices = open("/dev", O_RDONLY);

		CHECK(dup2(chip, 20) == 20 && dup2(request, 21) == 21 && dup2(devices, 22) == 22);
		for (int fd = 0; fd < 3; fd++)
			CHECK(dup2(null, fd) == fd);
		for (int fd = 3; fd < 6; fd++)
			CHECK(dup2(fd + 17, fd) == fd);
		CHECK(fcntl(3, F_SETFL, O_NONBLOCK) == 0 && fcntl(4, F_SETFL, O_NONBLOCK) == 0);
		random_state = seed | 1;
		for (int call = 0; call < STORM_CALLS; call++)
			any_call(node);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 0x9e3779b97f4a7c15;
	int chip = open_chip("bad");
	int request = request_lines(chip, 0, 2, GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING);
	struct gpiochip_info info;
	static char node[PAGE]; /* the storm's calls write here too */
	char folder[] = "storm-XXXXXX";

	CHECK(chip >= 0 && request >= 0);
	CHECK(raw_ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &info) == 0);
	snprintf(node, 64, "/dev/%s", info.name);
	CHECK(mkdtemp(folder) != NULL && chdir(folder) == 0);
	map_edge();
	bad_paths(node);
	bad_ioctls(chip, request);
	bad_reads(request);
	for (uint64_t i = 0; i < 4; i++)
		storm(chip, request, node, seed + 2 * i);

	/* All as before: the chip answers, the request lives, an edge arrives. */
	CHECK(raw_ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &info) == 0 && strcmp(info.label, "bad") == 0);
	raw_close(request);
	request = request_lines(chip, 0, 8, GPIO_V2_LINE_FLAG_INPUT);
	CHECK(request >= 0);
	CHECK(ctl("pull", "bad", "7", "up", NULL) == 0);
	CHECK(get_values(request, 1 << 7) == 1 << 7);
	printf("bad calls: ok, seed %#llx\n", (unsigned long long)seed);
	return 0;
}
