/*
 * Descriptors opened with O_PATH: a name and no file. Of nodes, attributes, directories and links of the
 * board; what can be done with one, and what is EBADF; what a node opened so means when its chip goes and
 * another comes. Run as: ugpio run --chip only:4 -- pathonly
 */
#include "raw.h"
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#define DEVICE "/sys/devices/platform/gpio-sim.0/gpiochip0"
#define LINK "/sys/bus/gpio/devices/gpiochip0"

static int path_only(const char *path, int flags)
{
	int fd = raw_open(path, O_PATH | O_CLOEXEC | flags);

	CHECK(fd >= 0);
	CHECK((fcntl(fd, F_GETFL) & O_PATH) != 0);
	return fd;
}

/* The descriptor is no file to any of these. */
static void is_no_file(int fd)
{
	struct gpiochip_info info;
	struct gpio_v2_line_values values = { .mask = 1 };
	struct pollfd polled = { .fd = fd, .events = POLLIN };
	char bytes[48];

	CHECK_ERRNO(raw_ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &info), EBADF);
	CHECK_ERRNO(raw_ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values), EBADF);
	CHECK_ERRNO(raw_ioctl(fd, 0x541b /* FIONREAD */, bytes), EBADF);
	CHECK_ERRNO(raw_read(fd, bytes, sizeof(bytes)), EBADF);
	CHECK_ERRNO(raw_read(fd, bytes, 7), EBADF);
	CHECK_ERRNO(write(fd, "1", 1), EBADF);
	CHECK_ERRNO(pread(fd, bytes, 7, 0), EBADF);
	CHECK_ERRNO(lseek(fd, 0, SEEK_SET), EBADF);
	CHECK_ERRNO(fsync(fd), EBADF);
	CHECK_ERRNO(ftruncate(fd, 0), EBADF);
	CHECK_ERRNO(fchmod(fd, 0600), EBADF);
	CHECK_ERRNO(syscall(SYS_getdents64, fd, bytes, sizeof(bytes)), EBADF);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EBADF);
	CHECK(poll(&polled, 1, 0) == 1 && polled.revents == POLLNVAL);
}

/* Where the descriptor's link in /proc leads. */
static const char *link_of(int fd)
{
	static char target[256];
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, target, sizeof(target) - 1);
	CHECK(length > 0);
	target[length] = '\0';
	return target;
}

static int reopen(int fd, int flags)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return raw_open(link, flags);
}

static int is_chip(int fd)
{
	struct gpiochip_info info;

	return raw_ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &info) == 0;
}

static void node(void)
{
	int fd = path_only("/dev/gpiochip0", 0), again, chip;
	struct stat status;

	is_no_file(fd);
	CHECK(strcmp(link_of(fd), "/dev/gpiochip0") == 0);
	CHECK(fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(254, 0));
	CHECK(fstatat(fd, "", &status, AT_EMPTY_PATH) == 0 && S_ISCHR(status.st_mode));
	CHECK((again = reopen(fd, O_RDWR)) >= 0 && is_chip(again));
	/* An open chip, by name only. */
	CHECK((chip = reopen(again, O_PATH)) >= 0);
	is_no_file(chip);
	CHECK(strcmp(link_of(chip), "/dev/gpiochip0") == 0);
	raw_close(chip);
	raw_close(again);

	/* A duplicate and a child have it too. */
	CHECK((again = dup(fd)) >= 0);
	is_no_file(again);
	raw_close(again);

	CHECK_ERRNO(raw_open("/dev/gpiochip0", O_PATH | O_DIRECTORY), ENOTDIR);
	CHECK_ERRNO(raw_open("/dev/gpiochip77", O_PATH), ENOENT);
	raw_close(fd);
}

/* A request has no name: what its descriptor leads to can be had by O_PATH, and does as little. */
static void request(void)
{
	int chip = open_chip("only"), line, fd;

	CHECK(chip >= 0);
	line = request_lines(chip, 0, 1, GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING);
	CHECK(line >= 0);
	CHECK((fd = reopen(line, O_PATH)) >= 0);
	is_no_file(fd);
	CHECK(strcmp(link_of(fd), "anon_inode:gpio-line") == 0);
	get_values(line, 1);
	raw_close(fd);
	raw_close(line);
	raw_close(chip);
}

static void links(void)
{
	int fd = path_only(LINK, O_NOFOLLOW), beyond;
	char text[256];
	struct stat status;

	is_no_file(fd);
	CHECK(fstat(fd, &status) == 0 && S_ISLNK(status.st_mode));
	memset(text, 0, sizeof(text));
	CHECK(readlinkat(fd, "", text, sizeof(text) - 1) > 0);
	CHECK(strcmp(text, "../../../devices/platform/gpio-sim.0/gpiochip0") == 0);
	CHECK(strcmp(link_of(fd), LINK) == 0);
	CHECK_ERRNO(raw_open(LINK, O_PATH | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
	raw_close(fd);

	beyond = path_only(LINK, 0);
	CHECK(fstat(beyond, &status) == 0 && S_ISDIR(status.st_mode));
	CHECK(strcmp(link_of(beyond), DEVICE) == 0);
	raw_close(beyond);
}

static void directory(void)
{
	int fd = path_only(DEVICE, O_DIRECTORY), file;
	char text[16], cwd[256];
	struct statfs system;

	is_no_file(fd);
	CHECK(fstatfs(fd, &system) == 0 && system.f_type == 0x62656572);
	file = openat(fd, "dev", O_RDONLY);
	CHECK(file >= 0 && raw_read(file, text, sizeof(text)) == 6 && memcmp(text, "254:0\n", 6) == 0);
	raw_close(file);
	CHECK_ERRNO(openat(fd, "missing", O_RDONLY), ENOENT);
	CHECK(faccessat(fd, "uevent", R_OK, 0) == 0);
	CHECK(fchdir(fd) == 0);
	CHECK(getcwd(cwd, sizeof(cwd)) != NULL && strcmp(cwd, DEVICE) == 0);
	CHECK((file = raw_open("dev", O_RDONLY)) >= 0 && chdir("/") == 0);
	raw_close(file);
	raw_close(fd);
}

static void attribute(void)
{
	int fd = path_only(DEVICE "/dev", 0), file;
	char text[16];

	is_no_file(fd);
	CHECK((file = reopen(fd, O_RDONLY)) >= 0);
	CHECK(raw_read(file, text, sizeof(text)) == 6);
	raw_close(file);
	raw_close(fd);
	fd = path_only("/sys/kernel/config/gpio-sim", 0);
	is_no_file(fd);
	raw_close(fd);
}

/* KERNEL: a node means the chip that has its number, and ENXIO if none has. */
static void stale(void)
{
	int fd = path_only("/dev/gpiochip0", 0), file = path_only(DEVICE "/dev", 0), chip;
	struct stat status;

	CHECK(ctl("unplug", "only", NULL) == 0);
	CHECK(strcmp(link_of(fd), "/dev/gpiochip0 (deleted)") == 0);
	CHECK(fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(254, 0));
	CHECK_ERRNO(reopen(fd, O_RDWR), ENXIO);
	CHECK_ERRNO(reopen(file, O_RDONLY), ENODEV);
	is_no_file(fd);
	CHECK(ctl("plug", "only", NULL) == 0);
	CHECK((chip = reopen(fd, O_RDWR)) >= 0 && is_chip(chip));
	CHECK_ERRNO(reopen(file, O_RDONLY), ENODEV);
	raw_close(chip);
	raw_close(file);
	raw_close(fd);
}

int main(void)
{
	int before = open_descriptors();

	node();
	request();
	links();
	directory();
	attribute();
	stale();
	CHECK(open_descriptors() == before);
	printf("path only: ok\n");
	return 0;
}
