/*
 * Walks the gpio-sim tree as C programs do: nftw, fts, fdopendir and openat from a directory descriptor.
 * Run as: ugpio run -- treewalk
 */
#include "raw.h"
#include <fts.h>
#include <ftw.h>
#include <limits.h>
#include <sys/utsname.h>

static const char TREE[] = "/sys/kernel/config/gpio-sim";
static int files, dirs, others;

/* How many files there are: since Linux 6.14 a line has one more. */
static int expected_files(void)
{
	struct utsname system;
	int major, minor;

	CHECK(uname(&system) == 0 && sscanf(system.release, "%d.%d", &major, &minor) == 2);
	return major > 6 || (major == 6 && minor >= 14) ? 9 : 8;
}

static int count(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)path;
	(void)place;
	if (kind == FTW_F && S_ISREG(status->st_mode))
		files++;
	else if ((kind == FTW_D || kind == FTW_DP) && S_ISDIR(status->st_mode))
		dirs++;
	else
		others++;
	return 0;
}

static int remove_dirs(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	if (kind != FTW_DP || place->level == 0)
		return 0;
	return rmdir(path);
}

static void store(int at, const char *name, const char *text)
{
	int fd = openat(at, name, O_WRONLY);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text) + 1) == (ssize_t)strlen(text) + 1);
	CHECK(close(fd) == 0);
}

static void by_nftw(const char *path, int flags)
{
	files = dirs = others = 0;
	CHECK(nftw(path, count, 8, flags | FTW_PHYS) == 0);
	CHECK(files == expected_files() && dirs == 4 && others == 0);
}

static void by_fts(char *path, int flags)
{
	char *paths[] = { path, NULL };
	FTS *walk = fts_open(paths, flags | FTS_PHYSICAL, NULL);
	FTSENT *entry;
	int regular = 0, folders = 0;

	CHECK(walk);
	while ((entry = fts_read(walk))) {
		regular += entry->fts_info == FTS_F;
		folders += entry->fts_info == FTS_D;
		CHECK(entry->fts_info != FTS_ERR && entry->fts_info != FTS_NS && entry->fts_info != FTS_DNR);
	}
	CHECK(fts_close(walk) == 0);
	CHECK(regular == expected_files() && folders == 4);
}

/* The names in a directory, twice over the same descriptor. */
static void by_fdopendir(int at, const char *name, int expected)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	struct stat by_name, by_fd;

	CHECK(dir);
	for (int round = 0; round < 2; round++) {
		int names = 0;

		while ((entry = readdir(dir))) {
			if (entry->d_name[0] == '.')
				continue;
			names++;
			CHECK(fstatat(dirfd(dir), entry->d_name, &by_name, AT_SYMLINK_NOFOLLOW) == 0);
			CHECK(entry->d_type == (S_ISDIR(by_name.st_mode) ? DT_DIR : DT_REG));
			CHECK(entry->d_ino == by_name.st_ino);
		}
		CHECK(names == expected);
		rewinddir(dir);
	}
	CHECK(fstatat(at, name, &by_name, 0) == 0 && fstat(dirfd(dir), &by_fd) == 0);
	CHECK(by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino);
	CHECK(closedir(dir) == 0);
}

int main(void)
{
	char path[PATH_MAX];
	int tree = open(TREE, O_RDONLY);
	int device, chip, line;

	CHECK(tree >= 0);
	CHECK(mkdirat(tree, "walked", 0) == 0);
	device = openat(tree, "walked", O_RDONLY);
	CHECK(device >= 0);
	CHECK(mkdirat(device, "bank", 0700) == 0);
	CHECK(faccessat(device, "bank/line3", W_OK, 0) == -1 && errno == ENOENT);
	CHECK(mkdirat(device, "bank/line3", 0) == 0 && mkdirat(device, "bank/line3/hog", 0) == 0);
	store(device, "bank/num_lines", "8");
	store(device, "bank/line3/name", "third");

	snprintf(path, sizeof(path), "%s/walked", TREE);
	by_nftw(path, 0);
	by_nftw(path, FTW_DEPTH);
	by_nftw(path, FTW_CHDIR);
	by_fts(path, 0);
	by_fts(path, FTS_NOCHDIR);
	by_fdopendir(tree, "walked", 3);
	by_fdopendir(device, "bank", 4);

	store(device, "live", "1");
	chip = open("/sys/devices/platform/gpio-sim.0", O_RDONLY);
	CHECK(chip >= 0);
	line = openat(chip, "gpiochip0/sim_gpio3", O_RDONLY | O_DIRECTORY);
	CHECK(line >= 0);
	by_fdopendir(chip, "gpiochip0/sim_gpio3", 2);
	CHECK(fchdir(line) == 0 && getcwd(path, sizeof(path)));
	CHECK(strcmp(path, "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio3") == 0);
	store(AT_FDCWD, "pull", "pull-up");
	CHECK(access("/dev/gpiochip0", F_OK) == 0);
	store(device, "live", "0");
	CHECK_ERRNO(openat(line, "pull", O_RDONLY), ENOENT);
	CHECK_ERRNO(access("/dev/gpiochip0", F_OK), ENOENT);
	CHECK(chdir("/") == 0);

	snprintf(path, sizeof(path), "%s/walked", TREE);
	CHECK(nftw(path, remove_dirs, 8, FTW_DEPTH | FTW_PHYS) == 0);
	CHECK_ERRNO(unlinkat(tree, "walked", 0), EISDIR);
	CHECK(unlinkat(tree, "walked", AT_REMOVEDIR) == 0);
	printf("tree walk: ok\n");
	return 0;
}
