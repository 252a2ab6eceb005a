// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hold the lock of a folder, as a cxl-policy does that is at work, or hangs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: hold_lock DIR\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		perror(argv[1]);
		return 1;
	}
	puts("held");
	fflush(stdout);
	pause();
	return 0;
}
