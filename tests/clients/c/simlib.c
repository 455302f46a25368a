/*
 * Drives the gpio-sim tree with libgpiosim's calls in their order: the kernel's release, the module's
 * state as libkmod looks for it, configfs among the mounts, and from there on paths relative to
 * descriptors of directories; values end with a NUL byte, directories have no permissions to begin with.
 * Run as: ugpio run -- simlib
 */
#include "raw.h"
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

struct device {
	int root, dir, bank;
	char name[64];
	char dev_name[64];
	char chip_name[32];
};

static void read_text(int dir, const char *name, char *text, size_t size)
{
	int fd = openat(dir, name, O_RDONLY);
	ssize_t count;

	CHECK(fd >= 0);
	count = read(fd, text, size - 1);
	CHECK(count > 0 && text[count - 1] == '\n');
	text[count - 1] = '\0';
	close(fd);
}

/* One store; its errno, 0 when it was taken whole. */
static int store(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY);
	ssize_t count;
	int failed;

	CHECK(fd >= 0);
	count = write(fd, text, strlen(text) + 1);
	failed = count < 0 ? errno : 0;
	CHECK(failed != 0 || count == (ssize_t)strlen(text) + 1);
	close(fd);
	return failed;
}

static void check_kernel(struct utsname *kernel)
{
	unsigned int major, minor, release;

	CHECK(uname(kernel) == 0);
	CHECK(sscanf(kernel->release, "%u.%u.%u", &major, &minor, &release) == 3);
	CHECK((major << 16 | minor << 8 | (release & 255)) >= (5 << 16 | 17 << 8 | 4));
}

/* What libkmod asks before it would load a module; it loads none that says it is live. */
static void check_module(const struct utsname *kernel)
{
	static const char *const folders[] = { "/etc/modprobe.d", "/run/modprobe.d",
					       "/usr/local/lib/modprobe.d", "/lib/modprobe.d" };
	char path[200], text[64];
	struct stat status;
	int fd;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		DIR *folder = opendir(folders[i]);

		CHECK(folder != NULL || errno == ENOENT);
		if (folder != NULL)
			closedir(folder);
	}
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	close(fd);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin.bin", kernel->release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	read_text(AT_FDCWD, "/sys/module/gpio_sim/initstate", text, sizeof(text));
	CHECK(strcmp(text, "live") == 0);
	CHECK(stat("/sys/module/gpio_sim", &status) == 0 && S_ISDIR(status.st_mode));
}

/* Where configfs is mounted, as libmount reads it: in pieces of 1024 bytes. */
static void find_configfs(char *path, size_t size)
{
	static char text[65536];
	size_t have = 0;
	ssize_t count;
	struct statfs selinux;
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	while (have + 1024 < sizeof(text) && (count = read(fd, text + have, 1024)) > 0)
		have += (size_t)count;
	close(fd);
	text[have] = '\0';
	fd = open("/proc/filesystems", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	close(fd);
	(void)statfs("/sys/fs/selinux", &selinux);
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strstr(line, " - configfs ") == NULL)
			continue;
		CHECK(size >= 200 && sscanf(line, "%*s %*s %*s %*s %199s", path) == 1);
		return;
	}
	CHECK(!"no configfs among the mounts");
}

static void make_device(struct device *device, const char *configfs)
{
	char path[280], comm[17] = "";

	snprintf(path, sizeof(path), "%s/gpio-sim", configfs);
	device->root = openat(AT_FDCWD, path, O_RDONLY);
	CHECK(device->root >= 0);
	CHECK(prctl(PR_GET_NAME, comm) == 0);
	snprintf(device->name, sizeof(device->name), "%s.%d.0", comm, (int)getpid());
	CHECK(mkdirat(device->root, device->name, 0600) == 0);
	CHECK_ERRNO(mkdirat(device->root, device->name, 0600), EEXIST);
	device->dir = openat(device->root, device->name, O_RDONLY);
	CHECK(device->dir >= 0);
	read_text(device->dir, "dev_name", device->dev_name, sizeof(device->dev_name));
	CHECK(mkdirat(device->dir, "bank", 0600) == 0);
	device->bank = openat(device->dir, "bank", O_RDONLY);
	CHECK(device->bank >= 0);
}

static void make_line(const struct device *device, const char *line)
{
	CHECK_ERRNO(faccessat(device->bank, line, W_OK, 0), ENOENT);
	CHECK(mkdirat(device->bank, line, 0) == 0);
	CHECK(faccessat(device->bank, line, W_OK, 0) == 0);
}

static void configure(const struct device *device)
{
	CHECK(store(device->bank, "label", "foobar") == 0);
	CHECK(store(device->bank, "num_lines", "16") == 0);
	CHECK(store(device->bank, "num_lines", "0") == EINVAL);
	make_line(device, "line3");
	CHECK(store(device->bank, "line3/name", "BUTTON") == 0);
	make_line(device, "line6");
	CHECK(store(device->bank, "line6/name", "") == 0);
	CHECK_ERRNO(faccessat(device->bank, "line6/hog", W_OK, 0), ENOENT);
	CHECK(mkdirat(device->bank, "line6/hog", 0) == 0);
	CHECK(store(device->bank, "line6/hog/name", "hog") == 0);
	CHECK(store(device->bank, "line6/hog/direction", "output-high") == 0);
	CHECK(store(device->bank, "line6/hog/direction", "sideways") == EINVAL);
}

/* Goes live and looks at once, without waiting for anybody: it is all there when the store returns. */
static int go_live(struct device *device)
{
	char path[128];
	int platform, chip;
	struct stat status;

	CHECK(store(device->dir, "live", "1") == 0);
	snprintf(path, sizeof(path), "/sys/devices/platform/%s", device->dev_name);
	platform = open(path, O_RDONLY);
	CHECK(platform >= 0);
	read_text(device->bank, "chip_name", device->chip_name, sizeof(device->chip_name));
	chip = openat(platform, device->chip_name, O_RDONLY);
	CHECK(chip >= 0);
	close(platform);
	snprintf(path, sizeof(path), "/dev/%s", device->chip_name);
	CHECK(stat(path, &status) == 0 && S_ISCHR(status.st_mode));
	CHECK(store(device->bank, "label", "late") == EBUSY);
	CHECK(store(device->dir, "live", "1") == EPERM);
	return chip;
}

static void check_value(int chip, const char *line, const char *wanted)
{
	char path[64], text[4] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/value", line);
	fd = openat(chip, path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK(read(fd, text, 3) == 2);
	CHECK(strcmp(text, wanted) == 0);
	close(fd);
}

static void use(const struct device *device, int sim)
{
	int chip = open_chip("foobar"), line;
	struct gpio_v2_line_event event;

	CHECK(chip >= 0);
	check_value(sim, "sim_gpio6", "1\n");
	CHECK_ERRNO(request_lines(chip, 6, 1, GPIO_V2_LINE_FLAG_INPUT), EBUSY);
	line = request_lines(chip, 3, 1, GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING);
	CHECK(line >= 0);
	CHECK(store(sim, "sim_gpio3/pull", "pull-up") == 0);
	check_value(sim, "sim_gpio3", "1\n");
	CHECK(get_values(line, 1) == 1);
	CHECK(raw_read(line, &event, sizeof(event)) == sizeof(event));
	CHECK(event.id == GPIO_V2_LINE_EVENT_RISING_EDGE && event.offset == 3);
	CHECK(store(sim, "sim_gpio3/pull", "sideways") == EINVAL);
	CHECK_ERRNO(openat(device->bank, "line1/valid", O_WRONLY), ENOENT);
	close(line);
	close(chip);
}

/* Directories go while descriptors of them are open; what is left of those must fail, not hang. */
static void take_down(struct device *device, int sim)
{
	char path[64];
	struct stat status;

	CHECK(store(device->dir, "live", "0") == 0);
	CHECK_ERRNO(openat(sim, "sim_gpio3/pull", O_WRONLY), ENOENT);
	close(sim);
	CHECK_ERRNO(unlinkat(device->bank, "line6", AT_REMOVEDIR), ENOTEMPTY);
	CHECK(unlinkat(device->bank, "line6/hog", AT_REMOVEDIR) == 0);
	CHECK(unlinkat(device->bank, "line6", AT_REMOVEDIR) == 0);
	CHECK(unlinkat(device->bank, "line3", AT_REMOVEDIR) == 0);
	CHECK(unlinkat(device->dir, "bank", AT_REMOVEDIR) == 0);
	CHECK_ERRNO(openat(device->bank, "label", O_RDONLY), ENOENT);
	CHECK(unlinkat(device->root, device->name, AT_REMOVEDIR) == 0);
	CHECK_ERRNO(openat(device->dir, "live", O_WRONLY), ENOENT);
	close(device->bank);
	close(device->dir);
	close(device->root);
	snprintf(path, sizeof(path), "/dev/%s", device->chip_name);
	CHECK_ERRNO(stat(path, &status), ENOENT);
}

int main(void)
{
	struct utsname kernel;
	struct device device;
	char configfs[256];
	int before = open_descriptors();

	check_kernel(&kernel);
	check_module(&kernel);
	find_configfs(configfs, sizeof(configfs));
	for (int round = 0; round < 5; round++) {
		int sim;

		make_device(&device, configfs);
		configure(&device);
		sim = go_live(&device);
		use(&device, sim);
		take_down(&device, sim);
	}
	CHECK(open_descriptors() == before);
	printf("libgpiosim's calls: ok\n");
	return 0;
}
