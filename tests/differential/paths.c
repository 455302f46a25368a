// Random calls on paths, the same for a seed: run bare and in a run, it must print the same.
//
//     paths SEED COUNT WORK VIRTUAL1 VIRTUAL2 MODE
//
// WORK is a directory of its own that is not there yet. VIRTUAL1 and VIRTUAL2 are two directories, three and four
// levels deep: of the board in a run, of sysfs bare; every path from them leads out by "..". MODE is "plain",
// "spaces" (a user and a mount namespace with another file system on WORK/ugd_in), "chroot" (into WORK/root) or
// "dropped" (root gives up its rights half-way).
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DIRS 12
#define PATH 600

static uint64_t state;
static char work[200];
static const char *virtual_dirs[2];
// Where the calls begin: descriptors of directories, with how to get from each to the root.
static struct { int fd; char up[40]; } dirs[DIRS];
static int cwd_dir, inotify;

static unsigned roll(unsigned below)
{
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return (state >> 16) % below;
}

static void die(const char *what)
{
	fprintf(stderr, "paths: %s: %s\n", what, strerror(errno));
	exit(3);
}

static const char *const names[] = { "ugd_a", "ugd_b", "ugd_c", "ugd_d", "ugd_e", "ugd_dir", "ugd_dir", "ugd_deep", "ugd_closed",
				     "ugd_link", "ugd_up", "ugd_loop", "ugd_todev", "ugd_tosys", "ugd_tofile", "ugd_dangling", "ugd_in" };

// A name in WORK, or a path of some below it.
static void tail(char *out, size_t size)
{
	unsigned parts = roll(8) ? 1 + roll(3) : 0;
	*out = 0;
	for (unsigned i = 0; i < parts; i++) {
		const char *part = names[roll(sizeof names / sizeof *names)];
		unsigned odd = roll(24);
		if (odd == 0) part = ".";
		else if (odd == 1) part = "..";
		// Never two steps up: what is beside WORK is nobody's.
		if (odd == 1 && i == 0) part = ".";
		size_t at = strlen(out);
		snprintf(out + at, size - at, "%s%s", at ? (roll(12) ? "/" : "//") : "", part);
	}
	if (!roll(16)) strncat(out, "/", size - strlen(out) - 1);
}

// A path, and the descriptor that it begins at.
static int path(char *out)
{
	char last[PATH / 2];
	int dir = roll(DIRS);
	tail(last, sizeof last);
	switch (roll(8)) {
	case 0: snprintf(out, PATH, "%s/%s", work, last); break;
	case 1: snprintf(out, PATH, "/dev/..%s/%s", work, last); break;
	case 2: snprintf(out, PATH, "/sys/class/../..%s/%s", work, last); break;
	case 3: snprintf(out, PATH, "%s/../../..%s/%s", virtual_dirs[0], work, last); break;
	case 4: snprintf(out, PATH, "%s/../../../..%s/%s", virtual_dirs[1], work, last); break;
	default: snprintf(out, PATH, "%s%s/%s", dirs[dir].up, work + 1, last); break;
	}
	if (!roll(200)) *out = 0;
	if (!roll(300)) snprintf(out, PATH, "%s%s/%0300d", dirs[dir].up, work + 1, 7);
	return dir;
}

static long number;
static int quiet;

static void say(const char *what, long result, const char *form, ...)
{
	int error = errno;
	if (quiet) return;
	va_list list;
	printf("%ld %s ", number, what);
	va_start(list, form);
	vprintf(form, list);
	va_end(list);
	if (result < 0) printf(" = -%s\n", strerrorname_np(error) ? strerrorname_np(error) : "?");
	else printf(" = %ld\n", result);
}

// What a descriptor turned out to be.
static void tell(const char *what, int fd, const char *at, int flags)
{
	struct stat st;
	char link[64], text[PATH] = "";
	if (fd < 0) { say(what, fd, "%s %o", at, flags); return; }
	fstat(fd, &st);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t got = readlink(link, text, sizeof text - 1);
	text[got < 0 ? 0 : got] = 0;
	if (strstr(text, "/#")) *text = 0;
	say(what, 0, "%s %o is %s %o %d %d %d", at, flags, text, st.st_mode, st.st_uid, st.st_gid,
	    S_ISREG(st.st_mode) ? (int)st.st_size : 0);
	if ((flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH) && S_ISREG(st.st_mode)) write(fd, "x", 1);
	close(fd);
}

static void attributes(const char *what, long result, const char *at, struct stat *st)
{
	int dev = S_ISCHR(st->st_mode) ? (int)st->st_rdev : 0;
	if (result < 0) say(what, result, "%s", at);
	else say(what, 0, "%s %o %d %d %d %d", at, st->st_mode, st->st_uid, st->st_gid,
		 S_ISREG(st->st_mode) ? (int)st->st_size : 0, dev);
}

static int is_below_work(const char *at)
{
	return strstr(at, work + 1) != 0;
}

static void opens(void)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY };
	static const int more[] = { 0, 0, O_CREAT, O_CREAT | O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW, O_PATH,
				    O_PATH | O_NOFOLLOW, O_CREAT | O_TRUNC, O_TMPFILE, O_DIRECTORY | O_NOFOLLOW, O_NOATIME };
	char at[PATH];
	int dir = path(at), flags = modes[roll(4)] | more[roll(13)] | O_NONBLOCK | O_CLOEXEC, mode = roll(01000);
	if (roll(3) == 0) {
		struct open_how how = { .flags = flags, .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
					.resolve = roll(2) ? RESOLVE_NO_SYMLINKS : 0 };
		tell("openat2", syscall(SYS_openat2, dirs[dir].fd, at, &how, sizeof how), at, flags);
	} else tell("openat", openat(dirs[dir].fd, at, flags, mode), at, flags);
}

static void looks(void)
{
	char at[PATH], text[PATH] = "";
	struct stat st;
	struct statx sx;
	struct statfs fs;
	int dir = path(at), fd = dirs[dir].fd, flags = roll(3) ? 0 : AT_SYMLINK_NOFOLLOW;
	long got;
	switch (roll(8)) {
	case 0: attributes("fstatat", fstatat(fd, at, &st, flags), at, &st); break;
	case 1: attributes("empty", fstatat(fd, roll(2) ? "" : at, &st, AT_EMPTY_PATH | flags), "?", &(struct stat){ 0 }); break;
	case 2:
		got = statx(fd, at, flags, STATX_BASIC_STATS, &sx);
		say("statx", got, "%s %o %d", at, got ? 0 : sx.stx_mode, got ? 0 : sx.stx_uid);
		break;
	case 3: say("faccessat", syscall(SYS_faccessat, fd, at, roll(8)), "%s", at); break;
	case 4: say("faccessat2", syscall(SYS_faccessat2, fd, at, roll(8), flags | (roll(2) ? AT_EACCESS : 0)), "%s", at); break;
	case 5:
		got = readlinkat(fd, at, text, sizeof text - 1);
		say("readlinkat", got, "%s %s", at, text);
		break;
	case 6:
		if (dirs[dir].fd != AT_FDCWD && *at != '/') break;
		got = statfs(at, &fs);
		say("statfs", got, "%s %lx", at, got ? 0L : (long)fs.f_type);
		break;
	default:
		if (dirs[dir].fd != AT_FDCWD && *at != '/') break;
		got = roll(2) ? getxattr(at, "user.ugd", text, 20) : listxattr(at, text, 100);
		say("xattr", got, "%s", at);
	}
}

static void names_(void)
{
	char at[PATH], to[PATH];
	int dir = path(at), dir2 = path(to), fd = dirs[dir].fd, fd2 = dirs[dir2].fd, mode = roll(01000);
	if (!is_below_work(at) || !is_below_work(to)) return;
	switch (roll(10)) {
	case 0: case 1: say("mkdirat", mkdirat(fd, at, mode), "%s %o", at, mode); break;
	case 2: say("mknodat", mknodat(fd, at, (roll(2) ? S_IFIFO : S_IFREG) | mode, 0), "%s %o", at, mode); break;
	case 3: say("unlinkat", unlinkat(fd, at, roll(3) ? 0 : AT_REMOVEDIR), "%s", at); break;
	case 4: case 5: say("renameat2", syscall(SYS_renameat2, fd, at, fd2, to, roll(4) ? 0 : 1 + roll(2)), "%s %s", at, to); break;
	case 6: case 7: say("linkat", linkat(fd, at, fd2, to, roll(2) ? AT_SYMLINK_FOLLOW : 0), "%s %s", at, to); break;
	case 8: say("symlinkat", symlinkat(roll(2) ? "ugd_a" : "../ugd_dir", fd, at), "%s", at); break;
	default: say("rmdir", unlinkat(fd, at, AT_REMOVEDIR), "%s", at);
	}
}

// Only what resolves inside WORK may be changed: links lead out of it.
static int is_inside(int fd, const char *at, int flags)
{
	char link[64], text[PATH] = "";
	quiet = 1;
	int file = openat(fd, at, O_PATH | O_CLOEXEC | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
	quiet = 0;
	if (file < 0) return 1;
	snprintf(link, sizeof link, "/proc/self/fd/%d", file);
	ssize_t got = readlink(link, text, sizeof text - 1);
	close(file);
	return got > 0 && strstr(text, work) != 0;
}

static void changes(void)
{
	char at[PATH];
	struct timespec times[2] = { { 5, 0 }, { 7, 0 } };
	int dir = path(at), fd = dirs[dir].fd, flags = roll(3) ? 0 : AT_SYMLINK_NOFOLLOW, mode = roll(01000);
	if (!is_inside(fd, at, 0) || !is_inside(fd, at, flags)) return;
	if (roll(3)) mode |= 0700;
	switch (roll(8)) {
	case 0: say("fchmodat", syscall(SYS_fchmodat, fd, at, mode), "%s %o", at, mode); break;
	case 1: say("fchmodat2", syscall(452, fd, at, mode, flags), "%s %o", at, mode); break;
	case 2: say("fchownat", fchownat(fd, at, roll(2) ? -1u : geteuid(), roll(2) ? -1u : getegid(), flags), "%s", at); break;
	case 3: say("utimensat", syscall(SYS_utimensat, fd, at, times, flags), "%s", at); break;
	case 4: if (*at == '/' || fd == AT_FDCWD) say("truncate", truncate(at, roll(40)), "%s", at); break;
	case 5: if (*at == '/' || fd == AT_FDCWD) say("setxattr", setxattr(at, "user.ugd", "1", 1, 0), "%s", at); break;
	case 6: if (*at == '/' || fd == AT_FDCWD) say("removexattr", removexattr(at, "user.ugd"), "%s", at); break;
	default: if (*at == '/' || fd == AT_FDCWD) say("watch", inotify_add_watch(inotify, at, IN_CREATE) < 0 ? -1 : 0, "%s", at);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// Whether only a run has the name.
static int is_boards(const char *name)
{
	return !strncmp(name, "gpio", 4) || !strcmp(name, "config") || !strcmp(name, "run");
}

// The names in a directory, in order; with a buffer that may be small.
static void lists(void)
{
	static const int rooms[] = { 32768, 2048, 300, 40 };
	char at[PATH], buffer[32768], *found[400];
	int dir = path(at), count = 0, room = rooms[roll(4)];
	int fd = openat(dirs[dir].fd, at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long got;
	if (fd < 0) { say("list", fd, "%s", at); return; }
	while ((got = syscall(SYS_getdents64, fd, buffer, room)) > 0)
		for (long i = 0; i < got && count < 400; i += *(unsigned short *)(buffer + i + 16))
			found[count++] = strdup(buffer + i + 19);
	qsort(found, count, sizeof *found, by_text);
	char all[16000] = "";
	for (int i = 0; i < count; i++) {
		if (!is_boards(found[i])) {
			strncat(all, found[i], sizeof all - strlen(all) - 2);
			strcat(all, ",");
		}
		free(found[i]);
	}
	// Longer lists are the machine's: /dev and /sys change by themselves.
	say("list", got, "%s %d %s", at, room, is_below_work(all) || count > 60 ? "" : all);
	close(fd);
}

static void sockets(void)
{
	char at[PATH];
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int dir = path(at);
	if ((dirs[dir].fd != AT_FDCWD && *at != '/') || strlen(at) >= sizeof name.sun_path || !is_below_work(at)) return;
	strcpy(name.sun_path, at);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), is_bind = roll(2);
	int result = is_bind ? bind(fd, (void *)&name, sizeof name) : connect(fd, (void *)&name, sizeof name);
	say(is_bind ? "bind" : "connect", result, "%s", at);
	close(fd);
}

static void programs(void)
{
	static const char *const what[] = { "bin/true", "bin/false", "usr/bin/true", "etc/passwd", "nothing" };
	char at[PATH];
	int dir = roll(DIRS), status = 0;
	snprintf(at, sizeof at, "%s%s", dirs[dir].up, what[roll(5)]);
	pid_t child = fork();
	if (child == 0) {
		char *const arguments[] = { "x", 0 }, *const none[] = { 0 };
		syscall(SYS_execveat, dirs[dir].fd, at, arguments, none, 0);
		_exit(100 + (errno & 63));
	}
	waitpid(child, &status, 0);
	say("exec", WEXITSTATUS(status), "%s", at);
}

static void moves(void)
{
	char at[PATH], text[PATH];
	cwd_dir = roll(5);
	static const char *const to[] = { "/dev", "/sys/class" };
	const char *target = cwd_dir < 2 ? to[cwd_dir] : cwd_dir < 4 ? virtual_dirs[cwd_dir - 2] : work;
	int result = chdir(target);
	say("chdir", result, "%d", cwd_dir);
	if (cwd_dir == 4) snprintf(text, sizeof text, "%s", getcwd(at, sizeof at) ? at : "?"), say("getcwd", 0, "%s", text);
	static const char *const ups[] = { "../", "../../", "../../../", "../../../../" };
	if (cwd_dir < 4) strcpy(dirs[0].up, ups[cwd_dir]);
	else {
		*dirs[0].up = 0;
		for (const char *p = work; *p; p++)
			if (*p == '/') strcat(dirs[0].up, "../");
	}
}

static void make_tree(const char *below)
{
	char at[PATH];
	static const char *const made[] = { "", "/ugd_dir", "/ugd_dir/ugd_deep", "/ugd_closed", "/ugd_in", "/root" };
	static const char *const links[][2] = { { "ugd_dir", "ugd_link" }, { "..", "ugd_dir/ugd_up" }, { "ugd_loop", "ugd_loop" }, { "/dev", "ugd_todev" },
						{ "/sys/class", "ugd_tosys" }, { "ugd_a", "ugd_tofile" }, { "nowhere/x", "ugd_dangling" } };
	for (unsigned i = 0; i < 6; i++) {
		snprintf(at, sizeof at, "%s%s", below, made[i]);
		if (mkdir(at, 0755) && errno != EEXIST) die(at);
	}
	for (unsigned i = 0; i < 7; i++) {
		snprintf(at, sizeof at, "%s/%s", below, links[i][1]);
		if (symlink(links[i][0], at)) die(at);
	}
	snprintf(at, sizeof at, "%s/ugd_a", below);
	close(open(at, O_CREAT | O_WRONLY, 0644));
	snprintf(at, sizeof at, "%s/ugd_closed/ugd_a", below);
	close(open(at, O_CREAT | O_WRONLY, 0600));
	snprintf(at, sizeof at, "%s/ugd_closed", below);
	chmod(at, 0700);
}

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0) die(file);
	close(fd);
}

static void enter(const char *mode)
{
	char at[PATH], map[64];
	if (!strcmp(mode, "spaces")) {
		int uid = getuid(), gid = getgid();
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) die("unshare");
		put("/proc/self/setgroups", "deny");
		snprintf(map, sizeof map, "0 %d 1", uid), put("/proc/self/uid_map", map);
		snprintf(map, sizeof map, "0 %d 1", gid), put("/proc/self/gid_map", map);
		snprintf(at, sizeof at, "%s/ugd_in", work);
		if (mount("none", at, "tmpfs", 0, 0)) die("mount");
	} else if (!strcmp(mode, "chroot")) {
		static const char *const binds[] = { "dev", "sys", "proc", "bin", "usr", "lib", "lib64", "etc" };
		if (unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0)) die("unshare");
		for (unsigned i = 0; i < 8; i++) {
			char from[20];
			snprintf(from, sizeof from, "/%s", binds[i]);
			snprintf(at, sizeof at, "%s/root/%s", work, binds[i]);
			mkdir(at, 0755);
			if (mount(from, at, 0, MS_BIND | MS_REC, 0)) die(at);
		}
		snprintf(at, sizeof at, "%s/root", work);
		if (chroot(at) || chdir("/")) die("chroot");
		// WORK is here too, by the same name.
		for (char *slash = work + 1; (slash = strchr(slash, '/')); slash++) *slash = 0, mkdir(work, 0755), *slash = '/';
		make_tree(work);
	}
}

int main(int count, char **arguments)
{
	if (count != 7) return 2;
	state = strtoull(arguments[1], 0, 10) * 2654435761u + 88172645463325252ull;
	long calls = atol(arguments[2]);
	snprintf(work, sizeof work, "%s", arguments[3]);
	virtual_dirs[0] = arguments[4], virtual_dirs[1] = arguments[5];
	const char *mode = arguments[6];
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	make_tree(work);
	enter(mode);
	inotify = inotify_init1(IN_CLOEXEC);
	const char *const starts[] = { 0, "/dev", "/sys", "/sys/class", "/sys/bus", arguments[4], arguments[5], work, "/dev", arguments[4], arguments[5], "/sys/kernel" };
	static const char *const ups[] = { "", "../", "../", "../../", "../../", "../../../", "../../../../", "", "../", "../../../", "../../../../", "../../" };
	for (int i = 0; i < DIRS; i++) {
		dirs[i].fd = i ? open(starts[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : AT_FDCWD;
		if (i && dirs[i].fd < 0) die(starts[i]);
		strcpy(dirs[i].up, ups[i]);
	}
	for (const char *p = work; *p; p++)
		if (*p == '/') strcat(dirs[7].up, "../");
	do moves(); while (cwd_dir == 9);
	for (number = 0; number < calls; number++) {
		if (number == calls / 2 && !strcmp(mode, "dropped") && (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))) die("setresuid");
		unsigned kind = roll(200);
		if (kind < 50) opens();
		else if (kind < 95) looks();
		else if (kind < 145) names_();
		else if (kind < 180) changes();
		else if (kind < 190) lists();
		else if (kind < 194) sockets();
		else if (kind < 198) moves();
		else if (kind < 199) say("umask", umask(roll(0100)), "");
		else if (!roll(8)) programs();
	}
	return 0;
}
