/*
 * Drives the gpio-sim tree with the system calls that go-gpiosim and go-gpiocdev make through Go's
 * runtime, in their order and with its habits: every opened file is offered to epoll, directories are
 * removed by trying to unlink them first, and the preemption signal SIGURG comes all the time.
 * Run as: ugpio run -- simgo
 */
#include "raw.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#define ROOT "/sys/kernel/config/gpio-sim"

static int poller; /* the runtime's epoll */

static long stat_at(const char *path, struct stat *status, int flags)
{
	return syscall(SYS_newfstatat, AT_FDCWD, path, status, flags);
}

/* os.OpenFile: a file that epoll takes is made non-blocking. */
static int go_open(const char *path, int flags)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		return fd;
	if (syscall(SYS_epoll_ctl, poller, EPOLL_CTL_ADD, fd, &event) == 0) {
		long old = syscall(SYS_fcntl, fd, F_GETFL);

		CHECK(old >= 0);
		CHECK(syscall(SYS_fcntl, fd, F_SETFL, old | O_NONBLOCK) == 0);
	} else {
		CHECK(errno == EPERM);
	}
	return fd;
}

static int go_close(int fd)
{
	(void)syscall(SYS_epoll_ctl, poller, EPOLL_CTL_DEL, fd, NULL);
	return raw_close(fd);
}

/* os.WriteFile; the write's errno, 0 when it was taken. */
static int write_file(const char *path, const char *text)
{
	int fd = go_open(path, O_WRONLY | O_CREAT | O_TRUNC);
	int failed;

	CHECK(fd >= 0);
	failed = syscall(SYS_write, fd, text, strlen(text)) == (long)strlen(text) ? 0 : errno;
	go_close(fd);
	return failed;
}

/* os.ReadFile: a read beyond the size, and one that says it is the end. */
static void read_file(const char *path, char *text, size_t size)
{
	char whole[4097];
	struct stat status;
	ssize_t count;
	int fd = go_open(path, O_RDONLY);

	CHECK(fd >= 0);
	CHECK(syscall(SYS_fstat, fd, &status) == 0 && S_ISREG(status.st_mode));
	count = raw_read(fd, whole, sizeof(whole));
	CHECK(count > 0 && (size_t)count < size);
	CHECK(raw_read(fd, whole + count, sizeof(whole) - (size_t)count) == 0);
	memcpy(text, whole, (size_t)count);
	text[count] = '\0';
	text[strcspn(text, "\n")] = '\0';
	go_close(fd);
}

/* os.MkdirAll */
static void make_all(const char *path)
{
	struct stat status;
	char parent[256];

	if (stat_at(path, &status, 0) == 0) {
		CHECK(S_ISDIR(status.st_mode));
		return;
	}
	CHECK(errno == ENOENT);
	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	make_all(parent);
	CHECK(syscall(SYS_mkdirat, AT_FDCWD, path, 0755) == 0);
}

/* os.Remove */
static void remove_dir(const char *path)
{
	CHECK_ERRNO(syscall(SYS_unlinkat, AT_FDCWD, path, 0), EISDIR);
	CHECK(syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR) == 0);
}

/* gpiocdev.IsChip */
static void check_is_chip(const char *name)
{
	char node[64], dev[96], text[16], numbers[32];
	struct stat status;
	ssize_t count;
	int fd;

	snprintf(node, sizeof(node), "/dev/%s", name);
	snprintf(dev, sizeof(dev), "/sys/bus/gpio/devices/%s/dev", name);
	CHECK(stat_at(node, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(status.st_mode));
	CHECK(syscall(SYS_faccessat, AT_FDCWD, dev, R_OK) == 0);
	fd = go_open(dev, O_RDONLY);
	CHECK(fd >= 0);
	count = raw_read(fd, text, sizeof(text));
	go_close(fd);
	snprintf(numbers, sizeof(numbers), "%u:%u\n", (unsigned)((status.st_rdev >> 8) & 0xfff),
		 (unsigned)(status.st_rdev & 0xff));
	CHECK(count == (ssize_t)strlen(numbers) && memcmp(text, numbers, (size_t)count) == 0);
	CHECK(stat_at(node, &status, AT_SYMLINK_NOFOLLOW) == 0);
}

static void chip_comes(const char *device, char *platform, size_t size, char *name, size_t name_size)
{
	char path[256], dev_name[64];

	snprintf(path, sizeof(path), "%s/bank/line2/hog", device);
	make_all(path);
	snprintf(path, sizeof(path), "%s/bank/num_lines", device);
	CHECK(write_file(path, "8") == 0);
	snprintf(path, sizeof(path), "%s/bank/line2/name", device);
	CHECK(write_file(path, "LED") == 0);
	snprintf(path, sizeof(path), "%s/bank/line2/hog/direction", device);
	CHECK(write_file(path, "output-high") == 0);
	snprintf(path, sizeof(path), "%s/live", device);
	CHECK(write_file(path, "1") == 0);
	CHECK(write_file(path, "1") == EPERM);
	snprintf(path, sizeof(path), "%s/dev_name", device);
	read_file(path, dev_name, sizeof(dev_name));
	snprintf(path, sizeof(path), "%s/bank/chip_name", device);
	read_file(path, name, name_size);
	snprintf(platform, size, "/sys/devices/platform/%s/%s", dev_name, name);
	check_is_chip(name);
}

/* go-gpiocdev's watcher: an epoll of its own, level-triggered, one record a wake-up. */
static void watch_edges(const char *platform, int line)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = line };
	struct gpio_v2_line_event edge;
	int stop = (int)syscall(SYS_eventfd2, 0, EFD_CLOEXEC);
	int watcher = (int)syscall(SYS_epoll_create1, EPOLL_CLOEXEC);
	char path[200], text[8];

	CHECK(stop >= 0 && watcher >= 0);
	CHECK(syscall(SYS_epoll_ctl, watcher, EPOLL_CTL_ADD, line, &event) == 0);
	event.data.fd = stop;
	CHECK(syscall(SYS_epoll_ctl, watcher, EPOLL_CTL_ADD, stop, &event) == 0);
	for (int i = 0; i < 6; i++) {
		long ready;

		snprintf(path, sizeof(path), "%s/sim_gpio5/pull", platform);
		CHECK(write_file(path, i % 2 ? "pull-down" : "pull-up") == 0);
		snprintf(path, sizeof(path), "%s/sim_gpio5/value", platform);
		read_file(path, text, sizeof(text));
		CHECK(strcmp(text, i % 2 ? "0" : "1") == 0);
		do
			ready = syscall(SYS_epoll_pwait, watcher, &event, 1, 60000, NULL, 0);
		while (ready < 0 && errno == EINTR);
		CHECK(ready == 1 && event.data.fd == line);
		CHECK(raw_read(line, &edge, sizeof(edge)) == sizeof(edge));
		CHECK(edge.offset == 5 && edge.seqno == (uint32_t)i + 1);
		CHECK(edge.id == (i % 2 ? GPIO_V2_LINE_EVENT_FALLING_EDGE : GPIO_V2_LINE_EVENT_RISING_EDGE));
	}
	raw_close(watcher);
	raw_close(stop);
}

static void use_chip(const char *platform, const char *name)
{
	char path[64];
	long old;
	int chip, line;

	snprintf(path, sizeof(path), "/dev/%s", name);
	chip = go_open(path, O_RDONLY);
	CHECK(chip >= 0);
	old = syscall(SYS_fcntl, chip, F_GETFL);
	CHECK(old & O_NONBLOCK);
	/* File.Fd: blocking again, before each ioctl. */
	CHECK(syscall(SYS_fcntl, chip, F_SETFL, old & ~O_NONBLOCK) == 0);
	CHECK_ERRNO(request_lines(chip, 2, 1, GPIO_V2_LINE_FLAG_INPUT), EBUSY);
	line = request_lines(chip, 5, 1,
			     GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING |
				     GPIO_V2_LINE_FLAG_EDGE_FALLING);
	CHECK(line >= 0);
	watch_edges(platform, line);
	CHECK(raw_close(line) == 0);
	go_close(chip);
}

static void chip_goes(const char *device, const char *name)
{
	static const char *const folders[] = { "bank/line2/hog", "bank/line2", "bank" };
	struct stat status;
	char path[256];

	snprintf(path, sizeof(path), "%s/live", device);
	CHECK(write_file(path, "0") == 0);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", device, folders[i]);
		remove_dir(path);
	}
	remove_dir(device);
	snprintf(path, sizeof(path), "/dev/%s", name);
	CHECK_ERRNO(stat_at(path, &status, AT_SYMLINK_NOFOLLOW), ENOENT);
}

static void ignore(int number)
{
	(void)number;
}

/* Go's runtime sends this to its threads to preempt them. */
static void preempt_always(void)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	struct sigevent how = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGURG };
	struct itimerspec often = { .it_interval.tv_nsec = 2000000, .it_value.tv_nsec = 2000000 };
	timer_t timer;

	CHECK(sigaction(SIGURG, &action, NULL) == 0);
	CHECK(timer_create(CLOCK_MONOTONIC, &how, &timer) == 0);
	CHECK(timer_settime(timer, 0, &often, NULL) == 0);
}

int main(void)
{
	char device[128], platform[160], name[32], exe[256];
	struct stat status;
	int before = open_descriptors();

	poller = (int)syscall(SYS_epoll_create1, EPOLL_CLOEXEC);
	CHECK(poller >= 0);
	preempt_always();
	CHECK(stat_at(ROOT, &status, 0) == 0 && S_ISDIR(status.st_mode));
	CHECK(syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", exe, sizeof(exe)) > 0);
	for (int round = 0; round < 5; round++) {
		snprintf(device, sizeof(device), ROOT "/simgo-p%d-%d", (int)getpid(), round);
		chip_comes(device, platform, sizeof(platform), name, sizeof(name));
		use_chip(platform, name);
		chip_goes(device, name);
	}
	raw_close(poller);
	CHECK(open_descriptors() == before);
	printf("go-gpiosim's calls: ok\n");
	return 0;
}
