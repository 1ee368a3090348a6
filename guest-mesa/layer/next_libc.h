// The functions that the layer stands in front of, as the next library in the process has them.
#pragma once

#include <sys/types.h>

#include "guest-mesa/layer/kernel.h"

namespace viaduct::guest {

/// Found with dlsym(RTLD_NEXT) at first use: libc's, or those of a library preloaded after us.
struct NextLibc {
    int (*open)(const char*, int, ...);
    int (*open64)(const char*, int, ...);
    int (*ioctl)(int, unsigned long, ...);
    int (*close)(int);
    int (*close_range)(unsigned, unsigned, int);
    void (*closefrom)(int);
    int (*dup)(int);
    int (*dup2)(int, int);
    int (*dup3)(int, int, int);
    int (*fcntl)(int, int, ...);
    int (*fcntl64)(int, int, ...);
    // Of 32-bit systems with two kinds of time.
    int (*ioctl_time64)(int, unsigned long, ...);
    int (*fcntl_time64)(int, int, ...);
};

const NextLibc& next_libc();

/// The real Kernel: next_libc() and mmap().
Kernel& next_kernel();

}  // namespace viaduct::guest
