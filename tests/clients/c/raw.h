/*
 * GPIO through bare system calls: no libc wrapper stands between these programs and the kernel's
 * interface. Also the few checks they share. Key functions: open_chip, request_lines, get_values,
 * set_values, ctl. Every program of this folder includes it.
 */
#ifndef RAW_H
#define RAW_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline void fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s (errno %d: %s)\n", file, line, what, errno, strerror(errno));
	exit(1);
}

/* Ends the program, naming the line, when `expression` does not hold. */
#define CHECK(expression)                                    \
	do {                                                 \
		if (!(expression))                           \
			fail(__FILE__, __LINE__, #expression); \
	} while (0)

/* The expression must fail, with this errno. */
#define CHECK_ERRNO(expression, number)                                          \
	do {                                                                     \
		errno = 0;                                                       \
		if ((expression) != -1 || errno != (number))                     \
			fail(__FILE__, __LINE__, #expression " gives " #number); \
	} while (0)

static inline int raw_open(const char *path, int flags)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

static inline int raw_ioctl(int fd, unsigned long command, void *argument)
{
	return (int)syscall(SYS_ioctl, fd, command, argument);
}

static inline ssize_t raw_read(int fd, void *buffer, size_t count)
{
	return syscall(SYS_read, fd, buffer, count);
}

static inline int raw_close(int fd)
{
	return (int)syscall(SYS_close, fd);
}

/* Waits for one descriptor; arm64 has no poll but with a signal mask. */
static inline int raw_poll(struct pollfd *fd, int milliseconds)
{
#ifdef SYS_poll
	return (int)syscall(SYS_poll, fd, 1, milliseconds);
#else
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	return (int)syscall(SYS_ppoll, fd, 1, &time, NULL, 0);
#endif
}

/* Finds the chip with this label the way a person would: list /dev, ask each. */
static inline int open_chip(const char *label)
{
	DIR *dev = opendir("/dev");
	struct dirent *entry;

	CHECK(dev != NULL);
	while ((entry = readdir(dev)) != NULL) {
		char path[280];
		struct gpiochip_info info;
		int fd;

		if (strncmp(entry->d_name, "gpiochip", 8) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = raw_open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (raw_ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &info) == 0 &&
		    strcmp(info.label, label) == 0) {
			closedir(dev);
			return fd;
		}
		raw_close(fd);
	}
	closedir(dev);
	errno = ENOENT;
	return -1;
}

/* Requests `count` lines from `first` on; the request's descriptor, or -1. */
static inline int request_lines(int chip, unsigned int first, unsigned int count, uint64_t flags)
{
	struct gpio_v2_line_request request;

	memset(&request, 0, sizeof(request));
	for (unsigned int i = 0; i < count; i++)
		request.offsets[i] = first + i;
	request.num_lines = count;
	request.config.flags = flags;
	snprintf(request.consumer, sizeof(request.consumer), "raw-%d", (int)getpid());
	if (raw_ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) != 0)
		return -1;
	return request.fd;
}

/* The values of the lines in `mask`; ends the program when the kernel says no. */
static inline uint64_t get_values(int fd, uint64_t mask)
{
	struct gpio_v2_line_values values = { .bits = 0, .mask = mask };

	CHECK(raw_ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) == 0);
	return values.bits & mask;
}

static inline void set_values(int fd, uint64_t mask, uint64_t bits)
{
	struct gpio_v2_line_values values = { .bits = bits, .mask = mask };

	CHECK(raw_ioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) == 0);
}

/* Descriptors this process has open, the listing's own not counted. */
static inline int open_descriptors(void)
{
	DIR *self = opendir("/proc/self/fd");
	int count = 0;

	CHECK(self != NULL);
	for (struct dirent *entry; (entry = readdir(self)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(self);
	return count - 1;
}

/* Runs `ugpio ctl WORDS...` (NULL ends them) and waits; its exit status. */
static inline int ctl(const char *word, ...)
{
	const char *argv[12] = { "ugpio", "ctl", word };
	int count = 3, status;
	va_list words;
	pid_t child;

	va_start(words, word);
	while (count < 11 && (argv[count] = va_arg(words, const char *)) != NULL)
		count++;
	va_end(words);
	argv[count] = NULL;
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp("ugpio", (char *const *)argv);
		_exit(127);
	}
	CHECK(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
