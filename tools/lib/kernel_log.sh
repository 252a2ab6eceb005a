# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What a kernel log has no line of where all is well
# shellcheck disable=SC2034 # used by who sources it
readonly TROUBLE='WARNING:|BUG:|Oops|Kernel panic|general protection fault'\
'|possible (circular|recursive) locking|possible irq lock inversion|inconsistent lock state'\
'|INFO: (task .* blocked|possible|trying to register|suspicious|rcu)|suspicious RCU usage'\
'|rcu: INFO|rcu: .*(stall|starved)|UBSAN:|KASAN:|KCSAN:|KFENCE:|KMSAN:|refcount_t:|Call Trace'\
'|soft lockup|hard LOCKUP|unable to handle|invalid opcode|double fault|stack segment'\
'|DEBUG_LOCKS_WARN|list_(add|del) corruption|sleeping function called|scheduling while atomic'\
'|workqueue lockup|nobody cared|unregister_netdevice: waiting|lock held when returning'\
'|bad unlock balance|held lock freed|ODEBUG:'
