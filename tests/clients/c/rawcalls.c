/*
 * A static program that speaks to its chip with nothing but system calls: identity, line info,
 * requests, values, edges through poll and epoll, info changes, and what is left after an unplug.
 * Run as: ugpio run --chip raw:8 --chip doomed:4 -- rawcalls
 */
#include "raw.h"
#include <sys/epoll.h>

static void chip_and_line_info(int chip)
{
	struct gpiochip_info info;
	struct gpio_v2_line_info line;
	struct gpio_v2_line_info beyond = { .offset = 8 };
	struct stat status;
	char path[64];

	CHECK(raw_ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &info) == 0);
	CHECK(info.lines == 8 && strcmp(info.label, "raw") == 0);
	snprintf(path, sizeof(path), "/dev/%s", info.name);
	CHECK(syscall(SYS_newfstatat, AT_FDCWD, path, &status, 0) == 0);
	CHECK(S_ISCHR(status.st_mode));
	CHECK(syscall(SYS_faccessat, AT_FDCWD, path, R_OK | W_OK) == 0);

	memset(&line, 0, sizeof(line));
	line.offset = 3;
	CHECK(raw_ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &line) == 0);
	CHECK(line.offset == 3 && !(line.flags & GPIO_V2_LINE_FLAG_USED));
	CHECK_ERRNO(raw_ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &beyond), EINVAL);
	CHECK_ERRNO(raw_ioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, (void *)8), EFAULT);
}

static void values_and_exclusiveness(int chip)
{
	int out = request_lines(chip, 0, 2, GPIO_V2_LINE_FLAG_OUTPUT);
	int in;

	CHECK(out >= 0);
	CHECK(fcntl(out, F_GETFD) == FD_CLOEXEC);
	CHECK_ERRNO(request_lines(chip, 1, 1, GPIO_V2_LINE_FLAG_INPUT), EBUSY);
	set_values(out, 3, 2);
	CHECK(get_values(out, 3) == 2);
	CHECK(ctl("wait", "raw", "1", "high", "--timeout", "60", NULL) == 0);
	CHECK(ctl("wait", "raw", "0", "low", "--timeout", "60", NULL) == 0);
	raw_close(out);

	/* The last close frees the lines before the next call can ask for them. */
	in = request_lines(chip, 0, 2, GPIO_V2_LINE_FLAG_INPUT);
	CHECK(in >= 0);
	CHECK(ctl("pull", "raw", "0", "up", NULL) == 0);
	CHECK(get_values(in, 3) == 1);
	raw_close(in);
}

static void next_edge(int fd, uint32_t id, uint32_t seqno)
{
	struct gpio_v2_line_event event;

	CHECK(raw_read(fd, &event, sizeof(event)) == sizeof(event));
	CHECK(event.id == id && event.offset == 4 && event.seqno == seqno);
	CHECK(event.timestamp_ns != 0);
}

static void edges(int chip)
{
	uint64_t flags = GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING |
			 GPIO_V2_LINE_FLAG_EDGE_FALLING;
	struct gpio_v2_line_event events[4];
	struct epoll_event got = { 0 }, want = { .events = EPOLLIN | EPOLLET };
	int fd = request_lines(chip, 4, 1, flags);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLPRI };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(raw_poll(&poll_fd, 0) == 0);
	CHECK(ctl("pull", "raw", "4", "up", NULL) == 0);
	CHECK(raw_poll(&poll_fd, 10000) == 1 && (poll_fd.revents & POLLIN));
	next_edge(fd, GPIO_V2_LINE_EVENT_RISING_EDGE, 1);

	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &want) == 0);
	CHECK(ctl("pull", "raw", "4", "down", NULL) == 0);
	CHECK(epoll_wait(epoll, &got, 1, 10000) == 1 && (got.events & EPOLLIN));
	next_edge(fd, GPIO_V2_LINE_EVENT_FALLING_EDGE, 2);

	/* One read takes all that is queued. */
	CHECK(ctl("pull", "raw", "4", "up", NULL) == 0);
	CHECK(ctl("pull", "raw", "4", "down", NULL) == 0);
	CHECK(raw_read(fd, events, sizeof(events)) == 2 * sizeof(events[0]));
	CHECK(events[0].seqno == 3 && events[1].seqno == 4);
	raw_close(epoll);
	raw_close(fd);
}

static void info_changes(int chip)
{
	struct gpio_v2_line_info watched;
	struct gpio_v2_line_info_changed change;
	int fd;

	memset(&watched, 0, sizeof(watched));
	watched.offset = 6;
	CHECK(raw_ioctl(chip, GPIO_V2_GET_LINEINFO_WATCH_IOCTL, &watched) == 0);
	fd = request_lines(chip, 6, 1, GPIO_V2_LINE_FLAG_INPUT);
	CHECK(fd >= 0);
	CHECK(raw_read(chip, &change, sizeof(change)) == sizeof(change));
	CHECK(change.event_type == GPIO_V2_LINE_CHANGED_REQUESTED && change.info.offset == 6);
	raw_close(fd);
	CHECK(raw_read(chip, &change, sizeof(change)) == sizeof(change));
	CHECK(change.event_type == GPIO_V2_LINE_CHANGED_RELEASED);
}

static void unplug(void)
{
	struct gpiochip_info info;
	struct gpio_v2_line_values values = { .mask = 1 };
	struct gpio_v2_line_event event;
	uint64_t flags = GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING;
	int chip = open_chip("doomed");
	int fd = request_lines(chip, 0, 1, flags);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char path[64];

	CHECK(chip >= 0 && fd >= 0);
	CHECK(raw_ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &info) == 0);
	CHECK(ctl("unplug", "doomed", NULL) == 0);
	CHECK(raw_poll(&poll_fd, 10000) == 1);
	CHECK(poll_fd.revents & (POLLERR | POLLHUP));
	CHECK_ERRNO((int)raw_read(fd, &event, sizeof(event)), ENODEV);
	CHECK_ERRNO(raw_ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &values), ENODEV);
	CHECK_ERRNO(raw_ioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &info), ENODEV);
	snprintf(path, sizeof(path), "/dev/%s", info.name);
	CHECK_ERRNO(raw_open(path, O_RDWR), ENOENT);
	raw_close(fd);
	raw_close(chip);
}

int main(void)
{
	int before = open_descriptors();
	int chip = open_chip("raw");

	CHECK(chip >= 0);
	chip_and_line_info(chip);
	values_and_exclusiveness(chip);
	edges(chip);
	info_changes(chip);
	unplug();
	raw_close(chip);
	CHECK(open_descriptors() == before);
	puts("raw system calls: ok");
	return 0;
}
