// Processes and threads that make trapped calls and die in the middle of them, round after round.
//
//     dying SEED ROUNDS WORK        in a run; says "quiet ROUND CALLS" now and then, and goes on after a line of input
//     dying again SLOT GENERATION WORK
//
// A slot is a few lines of gpiochip0 and a marked file below WORK; one process at a time has it, and checks that every
// answer is its own: the consumer of its lines, the text of its file, reached through the board. Others of its calls
// are odd on purpose. When it has died the next process gets the slot, where possible under the same number. What is
// wrong is one line on standard error and status 1. Dies itself by SIGKILL at the end if SEED is odd.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/gpio.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 6
#define THREADS 4
#define QUIET_EVERY 10
// Where messages go, out of the way of odd calls, and what all of a round hold open: a byte in it is a message.
#define SPEAK 901
#define ROUND 902
// Descriptors that only odd calls use.
#define ODD 40
#define ODD_COUNT 8
#define WRONG 99
#define AGAIN 42

enum death { KILLED, EXITS, EXECS, GROUP, TRACED, DEATHS };
static const char *const words[] = { "killed", "exits", "execs", "of a group", "traced" };
static enum death death;

static char work[200];
static int slot, generation;
static _Atomic long *calls;
static char *odd_pages;

static unsigned roll(uint64_t *state, unsigned below)
{
	*state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
	return (*state >> 16) % below;
}

static uint64_t seeded(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t state = (a * 1000003 + b) * 1000003 + c + 88172645463325252ull;
	for (int i = 0; i < 8; i++) roll(&state, 2);
	return state;
}

static void nap(unsigned us)
{
	nanosleep(&(struct timespec){ us / 1000000, us % 1000000 * 1000L }, 0);
}

// One line, even if many die at once.
static void wrong(const char *what, long got)
{
	char text[300];
	int length = snprintf(text, sizeof text, "dying: slot %d, generation %d, pid %d, %s: %s: %ld (%s)\n", slot, generation, getpid(), words[death], what, got, strerror(errno));
	write(SPEAK, text, length);
	write(ROUND, "!", 1);
	_exit(WRONG);
}

// A line of this slot is free, and has the consumer that asked for it.
static void own_line(int thread)
{
	struct gpio_v2_line_request request = { .offsets = { slot * THREADS + thread }, .num_lines = 1, .config.flags = GPIO_V2_LINE_FLAG_INPUT };
	struct gpio_v2_line_info info = { .offset = request.offsets[0] };
	snprintf(request.consumer, sizeof request.consumer, "%d/%d/%d/%d", slot, generation, getpid(), thread);
	int chip = open("/dev/gpiochip0", O_RDWR | O_CLOEXEC);
	if (chip < 0) wrong("cannot open the chip", chip);
	if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request)) wrong("a free line cannot be requested", request.offsets[0]);
	if (ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &info)) wrong("no info", info.offset);
	if (strcmp(info.consumer, request.consumer)) errno = 0, wrong(info.consumer, info.offset);
	struct gpio_v2_line_values values = { .mask = 1 };
	if (ioctl(request.fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values)) wrong("no value", request.fd);
	close(request.fd);
	close(chip);
	*calls += 4;
}

// The file of this slot, through the board and out again.
static void own_file(uint64_t *state)
{
	static const char *const ways[] = { "/sys/class/gpio/../../..", "/sys/bus/gpio/devices/../../../..", "/dev/../sys/bus/gpio/../../.." };
	char path[400], text[40] = "", want[40];
	snprintf(path, sizeof path, "%s%s/mark%d", ways[roll(state, 3)], work, slot);
	snprintf(want, sizeof want, "%d %d\n", slot, generation);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	*calls += 1;
	// Under a debugger there is no way out of the board.
	if (file < 0 && death == TRACED && errno == EACCES) return;
	if (file < 0) wrong("cannot open the file", file);
	if (read(file, text, sizeof text - 1) < 0) wrong("cannot read the file", file);
	if (strcmp(text, want)) errno = 0, wrong(text, file);
	close(file);
}

static void own_names(void)
{
	struct stat st;
	char path[40], text[100] = "";
	int chip = open("/dev/gpiochip0", O_RDONLY | O_CLOEXEC);
	if (chip < 0) wrong("cannot open the chip", chip);
	snprintf(path, sizeof path, "/proc/self/fd/%d", chip);
	ssize_t got = readlink(path, text, sizeof text - 1);
	if (got != 14 || memcmp(text, "/dev/gpiochip0", 14)) wrong(text, got);
	if (fstat(chip, &st) || !S_ISCHR(st.st_mode)) wrong("not the chip", st.st_mode);
	if (stat("/sys/bus/gpio/devices/gpiochip0", &st) || !S_ISDIR(st.st_mode)) wrong("not the device", st.st_mode);
	close(chip);
	*calls += 4;
}

// What programs should not do: any call that may be trapped, with arguments that make no sense.
static void odd(uint64_t *state)
{
	static const short numbers[] = {
		SYS_openat, SYS_openat2, SYS_ioctl, SYS_ioctl, SYS_ioctl, SYS_read, SYS_readv, SYS_preadv2, SYS_write, SYS_writev, SYS_pwritev2, SYS_fcntl,
		SYS_fstat, SYS_newfstatat, SYS_statx, SYS_faccessat, SYS_faccessat2, SYS_readlinkat, SYS_getcwd, SYS_chdir, SYS_getdents64, SYS_statfs,
		SYS_fstatfs, SYS_getxattr, SYS_lgetxattr, SYS_listxattr, SYS_llistxattr, SYS_setxattr, SYS_removexattr, SYS_fchmodat, SYS_fchownat, SYS_utimensat,
		SYS_truncate, SYS_ftruncate, SYS_mkdirat, SYS_mknodat, SYS_unlinkat, SYS_linkat, SYS_symlinkat, SYS_renameat2, SYS_inotify_add_watch, SYS_splice, SYS_tee,
		SYS_vmsplice, SYS_sendfile, SYS_copy_file_range, SYS_fadvise64, SYS_readahead, SYS_fallocate, SYS_sync_file_range, SYS_io_submit, SYS_mmap,
		SYS_fsync, SYS_fdatasync, SYS_lseek, SYS_bind, SYS_connect, SYS_socket, SYS_uname, SYS_name_to_handle_at, SYS_execve, SYS_execveat,
		SYS_mount, SYS_umount2, SYS_chroot, SYS_epoll_ctl, SYS_fanotify_mark,
	};
	static const char *const names[] = { "/dev/gpiochip0", "/dev", "/sys/class/gpio/export", "/sys/bus/gpio", "gpiochip0", "", "/proc/self/mountinfo", "/sys/class/gpio", "nowhere" };
	long args[6];
	long number = numbers[roll(state, sizeof numbers / sizeof *numbers)];
	for (int i = 0; i < 6; i++)
		switch (roll(state, 8)) {
		case 0: args[i] = roll(state, 3) ? ODD + roll(state, ODD_COUNT + 1) : -(long)roll(state, 3); break;
		case 1: args[i] = AT_FDCWD; break;
		case 2: args[i] = (long)(odd_pages + 4096 - roll(state, 40)); break;
		case 3: args[i] = (long)names[roll(state, sizeof names / sizeof *names)]; break;
		case 4: args[i] = (long)(odd_pages + 8192 + roll(state, 2) * 4096); break;
		case 5: args[i] = 0; break;
		// No descriptor of a call that is checked.
		case 6: args[i] = 1ul << (10 + roll(state, 54)); break;
		default: args[i] = (long)(odd_pages + roll(state, 2000));
		}
	if (number == SYS_ioctl && roll(state, 4)) {
		args[0] = ODD + roll(state, 2);
		// Info, watches, values: nothing that takes a line of another slot.
		static const unsigned commands[] = { GPIO_GET_CHIPINFO_IOCTL, GPIO_V2_GET_LINEINFO_IOCTL, GPIO_V2_GET_LINEINFO_WATCH_IOCTL, GPIO_GET_LINEINFO_UNWATCH_IOCTL, GPIO_GET_LINEINFO_IOCTL };
		args[1] = commands[roll(state, 5)];
	} else if (number == SYS_ioctl) args[1] = 0xb400 + roll(state, 20);
	if (number == SYS_openat || number == SYS_openat2) args[2] &= ~(O_CREAT | O_TRUNC | O_TMPFILE);
	syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
	*calls += 1;
}

static void *live(void *argument)
{
	int thread = (long)argument;
	uint64_t state = seeded(getpid(), generation, thread);
	for (;;)
		switch (roll(&state, 8)) {
		case 0: case 1: own_line(thread); break;
		case 2: own_file(&state); break;
		case 3: own_names(); break;
		default: odd(&state);
		}
	return 0;
}

static unsigned delay;
static int left_open = -1;

static void *exits(void *unused)
{
	(void)unused;
	nap(delay);
	syscall(SYS_exit_group, 7 + slot);
	return 0;
}

static void *execs(void *unused)
{
	(void)unused;
	char of[20], from[20];
	snprintf(of, sizeof of, "%d", slot), snprintf(from, sizeof from, "%d", generation);
	nap(delay);
	execl("/proc/self/exe", "dying", "again", of, from, work, (char *)0);
	wrong("cannot become another program", 0);
	return 0;
}

// A child that outlives its parent, and whose calls go on after that.
static void leave_behind(uint64_t *state)
{
	if (fork()) return;
	for (unsigned i = 0, count = 1 + roll(state, 20); i < count; i++) own_names(), own_file(state);
	_exit(0);
}

static void start(void)
{
	uint64_t state = seeded(slot, generation, 77);
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { 0 };
	int null = open("/dev/null", O_RDWR);
	// The rights of the name space are not for odd calls.
	if (syscall(SYS_capset, &header, none)) wrong("cannot give up its rights", 0);
	dup2(null, 0), dup2(null, 1), close(null);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (dup2(left_open, ROUND) < 0 || close(left_open)) wrong("no round", left_open);
	static const char *const odd_files[ODD_COUNT] = { "/dev/gpiochip0", "/dev/gpiochip0", "/dev", "/sys/class/gpio", "/sys/bus/gpio", "/proc/self", "odd", "/sys/class/gpio/export" };
	for (int i = 0; i < ODD_COUNT; i++) {
		int file = open(odd_files[i], i < 2 ? O_RDWR : i == 6 ? O_RDWR | O_CREAT : i == 7 ? O_WRONLY : O_RDONLY, 0644);
		if (file < 0 || dup2(file, ODD + i) < 0 || close(file)) wrong(odd_files[i], file);
	}
	odd_pages = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(odd_pages + 4096, 4096);
	mprotect(odd_pages + 8192, 4096, PROT_READ);
	mprotect(odd_pages + 12288, 4096, PROT_NONE);
	for (int i = 0; i < 4096; i += 2) odd_pages[i] = roll(&state, 256);
	delay = roll(&state, 20000);
	if (!roll(&state, 4)) leave_behind(&state);
	pthread_t thread;
	for (long i = 1; i < THREADS; i++)
		if (pthread_create(&thread, 0, live, (void *)i)) wrong("no thread", i);
	if (death == EXITS && pthread_create(&thread, 0, exits, 0)) wrong("no thread", -1);
	if (death == EXECS && pthread_create(&thread, 0, execs, 0)) wrong("no thread", -1);
	live(0);
}

// After exec: the lines that the other image held are free, and the calls are answered anew.
static int again(void)
{
	uint64_t state = seeded(slot, generation, 5);
	for (int i = 0; i < 3; i++)
		for (int thread = 0; thread < THREADS; thread++) own_line(thread), own_file(&state), own_names();
	return AGAIN;
}

static void put(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file < 0 || write(file, text, strlen(text)) < 0) wrong(path, file);
	close(file);
}

static pid_t begin(int which, int at, pid_t group, pid_t before)
{
	char path[300], text[40];
	snprintf(path, sizeof path, "%s/mark%d", work, which);
	snprintf(text, sizeof text, "%d %d\n", which, at);
	put(path, text);
	// The number of the one before, where we may choose.
	snprintf(text, sizeof text, "%d", before - 1);
	int last = before > 1 ? open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC) : -1;
	if (last >= 0) write(last, text, strlen(text)), close(last);
	slot = which, generation = at;
	pid_t child = fork();
	if (child < 0) wrong("no process", child);
	if (child == 0) {
		setpgid(0, group);
		start();
	}
	setpgid(child, group);
	return child;
}

static void trace(pid_t child, uint64_t *state)
{
	int status;
	if (ptrace(PTRACE_SEIZE, child, 0, 0)) return;
	for (int i = roll(state, 4); i >= 0; i--) {
		if (ptrace(PTRACE_INTERRUPT, child, 0, 0) || waitpid(child, &status, __WALL) != child || !WIFSTOPPED(status)) break;
		nap(roll(state, 2000));
		if (i) ptrace(PTRACE_CONT, child, 0, 0);
	}
	ptrace(PTRACE_DETACH, child, 0, 0);
}

static void all_lines_are_free(void)
{
	int chip = open("/dev/gpiochip0", O_RDWR | O_CLOEXEC);
	for (unsigned line = 0; line < SLOTS * THREADS; line++) {
		struct gpio_v2_line_info info = { .offset = line };
		if (ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &info)) wrong("no info", line);
		if (info.flags & GPIO_V2_LINE_FLAG_USED) errno = 0, wrong(info.consumer, line);
	}
	close(chip);
}

static int reused;

static void round_of(long number, uint64_t *state)
{
	static pid_t last[SLOTS];
	pid_t children[SLOTS], group = 0;
	enum death deaths[SLOTS];
	for (int i = 0; i < SLOTS; i++) {
		deaths[i] = roll(state, DEATHS);
		death = deaths[i];
		children[i] = begin(i, number, death == GROUP ? group : 0, last[i]);
		reused += children[i] == last[i];
		if (deaths[i] == GROUP && !group) group = children[i];
		last[i] = children[i];
	}
	nap(roll(state, 15000));
	for (int i = 0; i < SLOTS; i++)
		if (deaths[i] == TRACED) trace(children[i], state), kill(children[i], SIGKILL);
		else if (deaths[i] == KILLED) kill(children[i], SIGKILL);
	if (group) kill(-group, SIGKILL);
	for (int i = 0; i < SLOTS; i++) {
		int status;
		if (waitpid(children[i], &status, 0) != children[i]) wrong("no child", i);
		int is_right = deaths[i] == EXITS ? WIFEXITED(status) && WEXITSTATUS(status) == 7 + i
			: deaths[i] == EXECS ? WIFEXITED(status) && WEXITSTATUS(status) == AGAIN
			: WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		slot = i, death = deaths[i], errno = 0;
		if (!is_right) wrong("not the status it should end with", status);
	}
}

int main(int count, char **arguments)
{
	calls = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (count == 5 && !strcmp(arguments[1], "again")) {
		slot = atoi(arguments[2]), generation = atoi(arguments[3]);
		snprintf(work, sizeof work, "%s", arguments[4]);
		return again();
	}
	if (count != 4) return 2;
	uint64_t seed = strtoull(arguments[1], 0, 10), state = seeded(seed, 1, 2);
	long rounds = atol(arguments[2]);
	snprintf(work, sizeof work, "%s", arguments[3]);
	slot = -1;
	if (chdir(work) || dup2(2, SPEAK) < 0) wrong(work, 0);
	for (long number = 1; number <= rounds; number++) {
		generation = number;
		// What a round leaves behind holds this open.
		int left[2];
		char byte;
		if (pipe2(left, O_CLOEXEC)) wrong("no pipe", 0);
		left_open = left[1];
		round_of(number, &state);
		close(left[1]);
		if (read(left[0], &byte, 1) != 0) slot = -1, wrong("one that was left behind has said so", 0);
		close(left[0]);
		all_lines_are_free();
		if (number % QUIET_EVERY == 0 || number == rounds) {
			// Each call lets the supervisor drop something of the dead.
			for (int i = 0; i < 200; i++) all_lines_are_free();
			printf("quiet %ld %ld %d\n", number, *calls, reused);
			fflush(stdout);
			if (read(0, &byte, 1) != 1) return 3;
		}
	}
	if (seed & 1) raise(SIGKILL);
	return 0;
}
