// SPDX-License-Identifier: GPL-2.0-only
/*
 * In the place of systemd: print what is told to a socket by the protocol of sd_notify(3).
 *
 * notify_listen PATH|@NAME
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[4096];
	ssize_t len;
	int fd;

	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path)) {
		fprintf(stderr, "usage: notify_listen PATH|@NAME\n");
		return 2;
	}
	strcpy(address.sun_path, argv[1]);
	if (argv[1][0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address,
			   offsetof(struct sockaddr_un, sun_path) + strlen(argv[1]))) {
		perror(argv[1]);
		return 1;
	}
	while ((len = recv(fd, text, sizeof(text), 0)) >= 0) {
		printf("%.*s\n", (int)len, text);
		fflush(stdout);
	}
	perror(argv[1]);
	return 1;
}
