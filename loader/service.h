/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a service says to the manager that started it, and to its log.
 */
#ifndef LOADER_SERVICE_H
#define LOADER_SERVICE_H

/* Levels of syslog(3) */
enum service_level {
	SERVICE_WARNING = 4,
	SERVICE_NOTICE = 5,
};

/**
 * service_notify - tell the manager, if there is one, by the protocol of sd_notify(3)
 * @fmt: lines such as READY=1, for printf()
 */
void service_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * service_log - print a line on standard error
 * @level: of it, which is told where that is the journal of systemd
 * @fmt: the line without its end, for printf()
 */
void service_log(enum service_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* LOADER_SERVICE_H */
