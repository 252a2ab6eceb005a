// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first process of a guest: its host names on the second serial line, which takes
 * no time to wait for, what is to be run of the folder that they have in common. N
 * leaves what N.sh prints in N.out, and its status in N.status. A shell would take
 * longer for this than the kernel takes to find the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* The host tells the last lines of the console when a guest doesn't come up */
static void give_up(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(errno));
	for (;;)
		pause();
}

static void mount_at(const char *what, const char *where, const char *type, const char *options)
{
	if (mount(what, where, type, 0, options))
		give_up("init: cannot mount %s on %s", what, where);
}

static int open_line(const char *path)
{
	struct termios line;
	int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &line))
		give_up("init: cannot use %s", path);
	/* Whole lines, and nothing sent back to the host */
	line.c_lflag = ICANON;
	line.c_iflag = 0;
	if (tcsetattr(fd, TCSANOW, &line))
		give_up("init: cannot set up %s", path);
	return fd;
}

static int run_script(int n)
{
	char script[32], out[32];
	int status;
	pid_t pid;

	snprintf(script, sizeof(script), "./%d.sh", n);
	snprintf(out, sizeof(out), "%d.out", n);
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (!pid) {
		int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
		int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		if (dup2(in, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0 &&
		    dup2(fd, STDERR_FILENO) >= 0)
			execl("/bin/sh", "sh", script, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* There at once and whole, as the host waits for its name */
static void leave_status(int n, int status)
{
	char new[32], name[32];
	FILE *file;

	snprintf(new, sizeof(new), "%d.new", n);
	snprintf(name, sizeof(name), "%d.status", n);
	file = fopen(new, "w");
	if (!file || fprintf(file, "%d\n", status) < 0 || fclose(file) || rename(new, name))
		give_up("init: cannot leave %s", name);
}

int main(void)
{
	char line[32];
	FILE *host;
	int boots;

	mount_at("dev", "/dev", "devtmpfs", NULL);
	mount_at("proc", "/proc", "proc", NULL);
	mount_at("sys", "/sys", "sysfs", NULL);
	mount_at("host", "/host", "9p", "trans=virtio,version=9p2000.L,msize=65536");
	if (chdir("/host") || setenv("PATH", "/usr/bin:/sbin:/bin", 1) ||
	    setenv("HOME", "/root", 1))
		give_up("init: cannot begin");
	signal(SIGCHLD, SIG_IGN);
	host = fdopen(open_line("/dev/ttyS1"), "r");
	boots = open("boots", O_WRONLY | O_APPEND);
	if (!host || boots < 0 || write(boots, "up\n", 3) != 3)
		give_up("init: cannot tell the host");
	close(boots);
	while (fgets(line, sizeof(line), host)) {
		int n = atoi(line);
		pid_t pid = fork();

		if (pid < 0)
			leave_status(n, 126);
		if (pid)
			continue;
		leave_status(n, run_script(n));
		_exit(0);
	}
	give_up("init: the host has gone");
}
