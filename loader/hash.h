/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FNV-1a: it tells apart what isn't made to be mistaken, and is no proof of anything.
 */
#ifndef LOADER_HASH_H
#define LOADER_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of nothing */
#define HASH_INIT 0xcbf29ce484222325

/**
 * hash_add - go on with a hash
 * @hash: of what came before, or %HASH_INIT
 * @bytes: what follows
 * @size: of @bytes
 *
 * Return: the hash of all of it.
 */
static inline uint64_t hash_add(uint64_t hash, const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;

	while (size--)
		hash = (hash ^ *byte++) * 0x100000001b3;
	return hash;
}

#endif /* LOADER_HASH_H */
