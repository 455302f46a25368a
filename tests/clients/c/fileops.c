/*
 * What a GPIO descriptor is not: a pipe, a socket, a regular file. Every call that moves bytes, gives
 * advice, or asks for what only those have gets the errno of Linux's character device and its anonymous
 * files, and no record is lost by it. Two records wait on every descriptor that has events, and are read
 * at the end. Run as: ugpio run --chip ops:8 -- fileops
 */
#include "raw.h"
#include <linux/aio_abi.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct kind {
	const char *name;
	int fd;
	bool is_chip;
	bool writes;  /* a chip opened for writing */
	size_t record; /* the size of its records, or 0 */
};

static int pipe_ends[2], file;

static int v1_event(int chip, unsigned int line)
{
	struct gpioevent_request request = { .lineoffset = line,
					     .handleflags = GPIOHANDLE_REQUEST_INPUT,
					     .eventflags = GPIOEVENT_REQUEST_BOTH_EDGES };

	CHECK(raw_ioctl(chip, GPIO_GET_LINEEVENT_IOCTL, &request) == 0);
	return request.fd;
}

static int v1_handle(int chip, unsigned int line)
{
	struct gpiohandle_request request = { .lineoffsets = { line }, .lines = 1,
					      .flags = GPIOHANDLE_REQUEST_INPUT };

	CHECK(raw_ioctl(chip, GPIO_GET_LINEHANDLE_IOCTL, &request) == 0);
	return request.fd;
}

/* Puts two records into every queue. */
static void fill(int chip)
{
	CHECK(ctl("pull", "ops", "0", "up", NULL) == 0);
	CHECK(ctl("pull", "ops", "0", "down", NULL) == 0);
	CHECK(ctl("pull", "ops", "1", "up", NULL) == 0);
	CHECK(ctl("pull", "ops", "1", "down", NULL) == 0);
	raw_close(request_lines(chip, 3, 1, GPIO_V2_LINE_FLAG_INPUT));
}

static void move_out(const struct kind *kind)
{
	loff_t offset = 0;
	char bytes[8];
	struct iovec segment = { bytes, sizeof(bytes) };

	CHECK_ERRNO(splice(kind->fd, NULL, pipe_ends[1], NULL, 4096, 0), EINVAL);
	CHECK_ERRNO(splice(kind->fd, &offset, pipe_ends[1], NULL, 4096, 0), EINVAL);
	CHECK_ERRNO(splice(kind->fd, NULL, pipe_ends[1], &offset, 4096, 0), ESPIPE);
	CHECK_ERRNO(splice(kind->fd, NULL, pipe_ends[1], NULL, 4096, 0x100), EINVAL);
	CHECK_ERRNO(splice(kind->fd, NULL, pipe_ends[0], NULL, 4096, 0), EBADF);
	CHECK_ERRNO(splice(kind->fd, NULL, 12345, NULL, 4096, 0), EBADF);
	CHECK_ERRNO(splice(kind->fd, NULL, file, NULL, 4096, 0), EINVAL);
	CHECK(splice(kind->fd, NULL, pipe_ends[1], NULL, 0, 0) == 0);
	CHECK_ERRNO(tee(kind->fd, pipe_ends[1], 4096, 0), EINVAL);
	/* A container's own filter may forbid the call on every descriptor. */
	if (vmsplice(file, &segment, 1, 0) == -1 && errno != EPERM)
		CHECK_ERRNO(vmsplice(kind->fd, &segment, 1, 0), EBADF);
	CHECK_ERRNO(sendfile(pipe_ends[1], kind->fd, NULL, 4096), EINVAL);
	CHECK_ERRNO(sendfile(file, kind->fd, NULL, 4096), EINVAL);
	CHECK_ERRNO(sendfile(file, kind->fd, &(off_t){ 0 }, 4096), ESPIPE);
	CHECK_ERRNO(copy_file_range(kind->fd, NULL, file, NULL, 4096, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_preadv2, kind->fd, &segment, 1, 0L, 0L, 0), ESPIPE);
	CHECK_ERRNO(syscall(SYS_preadv2, kind->fd, &segment, 1, -2L, -1L, 0), EINVAL);
	if (kind->record)
		CHECK_ERRNO(syscall(SYS_preadv2, kind->fd, &segment, 1, -1L, -1L, 8), EOPNOTSUPP);
}

static void move_in(const struct kind *kind)
{
	int refusal = kind->writes ? EINVAL : EBADF;
	struct iovec segment = { "x", 1 };

	CHECK(write(pipe_ends[1], "x", 1) == 1);
	CHECK_ERRNO(splice(pipe_ends[0], NULL, kind->fd, NULL, 1, 0), refusal);
	CHECK_ERRNO(tee(pipe_ends[0], kind->fd, 1, 0), refusal);
	CHECK_ERRNO(sendfile(kind->fd, file, NULL, 1), refusal);
	CHECK_ERRNO(copy_file_range(file, NULL, kind->fd, NULL, 1, 0), EINVAL);
	CHECK_ERRNO(write(kind->fd, "x", 1), refusal);
	CHECK_ERRNO(writev(kind->fd, &segment, 1), refusal);
	CHECK_ERRNO(pwrite(kind->fd, "x", 1, 0), ESPIPE);
	CHECK_ERRNO(syscall(SYS_pwritev2, kind->fd, &segment, 1, -1L, -1L, 0), refusal);
	CHECK_ERRNO(syscall(SYS_pwritev2, kind->fd, &segment, 1, 0L, 0L, 0), ESPIPE);
	CHECK_ERRNO(fallocate(kind->fd, 0, 0, 4096), kind->writes ? ENODEV : EBADF);
	CHECK_ERRNO(fallocate(kind->fd, 0, 0, 0), EINVAL);
	CHECK_ERRNO(ftruncate(kind->fd, 0), EINVAL);
	CHECK(read(pipe_ends[0], &(char){ 0 }, 1) == 1); /* still there: nobody took it */
}

static void pages(const struct kind *kind)
{
	char entries[64];

	CHECK(posix_fadvise(kind->fd, 0, 0, POSIX_FADV_SEQUENTIAL) == 0);
	CHECK(posix_fadvise(kind->fd, 0, 0, 99) == EINVAL);
	CHECK_ERRNO(readahead(kind->fd, 0, 4096), EINVAL);
	CHECK_ERRNO(sync_file_range(kind->fd, 0, 0, 0), ESPIPE);
	CHECK_ERRNO(sync_file_range(kind->fd, 0, 0, 0x80), EINVAL);
	CHECK_ERRNO(fsync(kind->fd), EINVAL);
	CHECK_ERRNO(fdatasync(kind->fd), EINVAL);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, kind->fd, 0) == MAP_FAILED && errno == ENODEV);
	CHECK_ERRNO(syscall(SYS_getdents64, kind->fd, entries, sizeof(entries)), ENOTDIR);
	CHECK_ERRNO(fchdir(kind->fd), ENOTDIR);
}

static void control(const struct kind *kind)
{
	int flags = fcntl(kind->fd, F_GETFL);

	CHECK_ERRNO(fcntl(kind->fd, F_GETPIPE_SZ), EBADF);
	CHECK_ERRNO(fcntl(kind->fd, F_SETPIPE_SZ, 4096), EBADF);
	CHECK_ERRNO(fcntl(kind->fd, F_GET_SEALS), EINVAL);
	CHECK_ERRNO(fcntl(kind->fd, F_ADD_SEALS, F_SEAL_WRITE), EINVAL);
	CHECK_ERRNO(fcntl(kind->fd, F_SETLEASE, F_RDLCK), EINVAL);
	CHECK_ERRNO(fcntl(kind->fd, F_NOTIFY, DN_CREATE), ENOTDIR);
	CHECK_ERRNO(raw_ioctl(kind->fd, 0x541b /* FIONREAD */, &(int){ 0 }), EINVAL);
	CHECK_ERRNO(raw_ioctl(kind->fd, 0x5452 /* FIOASYNC */, &(int){ 1 }), ENOTTY);
	/* Signals are asked for, and none comes: SIGIO would end this program. */
	CHECK(fcntl(kind->fd, F_SETOWN, getpid()) == 0);
	CHECK(fcntl(kind->fd, F_SETFL, flags | O_ASYNC) == 0);
	CHECK(fcntl(kind->fd, F_GETFL) == flags);
	CHECK(fcntl(kind->fd, F_SETFL, flags | O_ASYNC | O_NONBLOCK) == 0);
	CHECK(fcntl(kind->fd, F_GETFL) == (flags | O_NONBLOCK));
	CHECK(fcntl(kind->fd, F_SETFL, flags) == 0);
	CHECK(flock(kind->fd, LOCK_SH | LOCK_NB) == 0 && flock(kind->fd, LOCK_UN) == 0);
}

static void sockets(const struct kind *kind)
{
	char bytes[8];
	struct iovec segment = { bytes, sizeof(bytes) };
	struct msghdr message = { .msg_iov = &segment, .msg_iovlen = 1 };
	struct sockaddr address = { .sa_family = AF_UNIX };
	socklen_t length = sizeof(address);

	CHECK_ERRNO(recv(kind->fd, bytes, sizeof(bytes), MSG_DONTWAIT), ENOTSOCK);
	CHECK_ERRNO(recvmsg(kind->fd, &message, MSG_DONTWAIT), ENOTSOCK);
	CHECK_ERRNO(send(kind->fd, bytes, sizeof(bytes), MSG_DONTWAIT), ENOTSOCK);
	CHECK_ERRNO(sendmsg(kind->fd, &message, MSG_DONTWAIT), ENOTSOCK);
	CHECK_ERRNO(sendmmsg(kind->fd, &(struct mmsghdr){ .msg_hdr = message }, 1, MSG_DONTWAIT), ENOTSOCK);
	CHECK_ERRNO(shutdown(kind->fd, SHUT_RDWR), ENOTSOCK);
	CHECK_ERRNO(getsockname(kind->fd, &address, &length), ENOTSOCK);
	CHECK_ERRNO(getpeername(kind->fd, &address, &length), ENOTSOCK);
	CHECK_ERRNO(getsockopt(kind->fd, SOL_SOCKET, SO_TYPE, bytes, &length), ENOTSOCK);
	CHECK_ERRNO(setsockopt(kind->fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), ENOTSOCK);
	CHECK_ERRNO(connect(kind->fd, &address, sizeof(address)), ENOTSOCK);
	CHECK_ERRNO(bind(kind->fd, &address, sizeof(address)), ENOTSOCK);
	CHECK_ERRNO(listen(kind->fd, 1), ENOTSOCK);
	CHECK_ERRNO(accept(kind->fd, NULL, NULL), ENOTSOCK);
}

static void asynchronous(const struct kind *kind)
{
	char bytes[8];
	struct iocb request = { .aio_fildes = kind->fd, .aio_lio_opcode = IOCB_CMD_PREAD,
				.aio_buf = (uintptr_t)bytes, .aio_nbytes = sizeof(bytes) };
	struct iocb *requests[] = { &request };
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, 1, &context) != 0)
		return; /* this kernel has none */
	CHECK_ERRNO(syscall(SYS_io_submit, context, 1, requests), EINVAL);
	CHECK(syscall(SYS_io_destroy, context) == 0);
}

/* What waited still waits, whole and in order. */
static void drain(const struct kind *kind)
{
	struct gpio_v2_line_event edges[2];
	struct gpioevent_data events[2];
	struct gpio_v2_line_info_changed changes[2];

	CHECK(fcntl(kind->fd, F_SETFL, O_NONBLOCK) == 0);
	if (kind->record == sizeof(edges[0])) {
		CHECK(raw_read(kind->fd, edges, sizeof(edges)) == sizeof(edges));
		CHECK(edges[0].line_seqno == 1 && edges[1].line_seqno == 2);
	} else if (kind->record == sizeof(events[0])) {
		CHECK(raw_read(kind->fd, &events[0], sizeof(events[0])) == sizeof(events[0]));
		CHECK(raw_read(kind->fd, &events[1], sizeof(events[1])) == sizeof(events[1]));
		CHECK(events[0].id == GPIOEVENT_EVENT_RISING_EDGE);
		CHECK(events[1].id == GPIOEVENT_EVENT_FALLING_EDGE);
	} else if (kind->record) {
		CHECK(raw_read(kind->fd, changes, sizeof(changes)) == sizeof(changes));
		CHECK(changes[0].event_type == GPIO_V2_LINE_CHANGED_REQUESTED);
		CHECK(changes[1].event_type == GPIO_V2_LINE_CHANGED_RELEASED);
	}
	if (kind->record)
		CHECK_ERRNO(raw_read(kind->fd, changes, kind->record), EAGAIN);
}

/* A file of sysfs or configfs takes texts, and has no pages. */
static void attribute(const char *path, const char *text)
{
	int fd = raw_open(path, O_RDWR), reader = raw_open(path, O_RDONLY);
	char found[32] = "";

	CHECK(fd >= 0 && reader >= 0);
	CHECK_ERRNO(fallocate(fd, 0, 0, 4096), EOPNOTSUPP);
	CHECK_ERRNO(fallocate(reader, 0, 0, 4096), EBADF);
	CHECK_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK(ftruncate(fd, 0) == 0 && ftruncate(fd, 4096) == 0);
	CHECK_ERRNO(ftruncate(reader, 0), EINVAL);
	CHECK_ERRNO(fsync(fd), EINVAL);
	CHECK_ERRNO(fdatasync(reader), EINVAL);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, reader, 0) == MAP_FAILED && errno == ENODEV);
	CHECK(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, reader, 0) == MAP_FAILED && errno == EACCES);
	CHECK_ERRNO(copy_file_range(file, NULL, fd, NULL, 1, 0), EXDEV);
	CHECK(raw_read(fd, found, sizeof(found)) == (ssize_t)strlen(text) && strcmp(found, text) == 0);
	raw_close(fd);
	raw_close(reader);
}

static void attributes(void)
{
	attribute("/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio0/pull", "pull-down\n");
	CHECK(mkdir("/sys/kernel/config/gpio-sim/ops", 0755) == 0);
	attribute("/sys/kernel/config/gpio-sim/ops/live", "0\n");
	CHECK(rmdir("/sys/kernel/config/gpio-sim/ops") == 0);
}

/* A value of the legacy class, which can be polled, is no socket either. */
static void value(void)
{
	int export = raw_open("/sys/class/gpio/export", O_WRONLY);
	struct kind kind = { .name = "value" };
	char text[8];

	CHECK(export >= 0 && write(export, "516", 3) == 3);
	raw_close(export);
	kind.fd = raw_open("/sys/class/gpio/gpio516/value", O_RDONLY);
	CHECK(kind.fd >= 0);
	sockets(&kind);
	CHECK(raw_read(kind.fd, text, sizeof(text)) == 2 && memcmp(text, "0\n", 2) == 0);
	raw_close(kind.fd);
}

int main(void)
{
	int chip = open_chip("ops");
	struct gpio_v2_line_info info = { .offset = 3 };
	char link[64], node[64];

	CHECK(chip >= 0 && pipe(pipe_ends) == 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", chip);
	CHECK(readlink(link, memset(node, 0, sizeof(node)), sizeof(node) - 1) > 0);
	file = (int)syscall(SYS_memfd_create, "file", 0);
	CHECK(file >= 0 && write(file, "content", 7) == 7 && lseek(file, 0, SEEK_SET) == 0);
	CHECK(raw_ioctl(chip, GPIO_V2_GET_LINEINFO_WATCH_IOCTL, &info) == 0);

	struct kind kinds[] = {
		{ "chip", chip, true, true, sizeof(struct gpio_v2_line_info_changed) },
		{ "chip for reading", raw_open(node, O_RDONLY), true, false, 0 },
		{ "request", request_lines(chip, 0, 1, GPIO_V2_LINE_FLAG_INPUT |
			  GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING),
		  false, false, sizeof(struct gpio_v2_line_event) },
		{ "event", v1_event(chip, 1), false, false, sizeof(struct gpioevent_data) },
		{ "handle", v1_handle(chip, 2), false, false, 0 },
	};
	size_t count = sizeof(kinds) / sizeof(kinds[0]);

	/* The watch saw nothing yet but is to see line 3 alone. */
	fill(chip);
	for (size_t i = 0; i < count; i++) {
		CHECK(kinds[i].fd >= 0);
		fprintf(stderr, "%s\n", kinds[i].name);
		move_out(&kinds[i]);
		move_in(&kinds[i]);
		pages(&kinds[i]);
		control(&kinds[i]);
		sockets(&kinds[i]);
		asynchronous(&kinds[i]);
	}
	for (size_t i = 0; i < count; i++)
		drain(&kinds[i]);
	attributes();
	value();
	printf("file operations: ok, %zu kinds\n", count);
	return 0;
}
