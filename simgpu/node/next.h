// The functions behind the interposed ones: the next library's, in lookup order.
#pragma once

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>

namespace simgpu::node {

/// A function of the next library that has one of that name; callable like it. Usable before any
/// constructor has run, from any thread. glibc's dlsym() allocates nothing when it finds the name
/// in a library that was there from the start, so an allocator may call us while it starts.
template <typename Function>
class Next {
  public:
    constexpr explicit Next(const char* name) : name_(name) {}

    operator Function*() {  // NOLINT(google-explicit-constructor): it stands for the function
        Function* function = function_.load(std::memory_order_acquire);
        if (function == nullptr) {
            function = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name_));
            function_.store(function, std::memory_order_release);
        }
        return function;
    }

  private:
    const char* name_;
    std::atomic<Function*> function_{nullptr};
};

// Under each name only; `struct stat` and `struct stat64`, off_t and off64_t are the same bytes on
// the 64-bit machines we build for.
static_assert(sizeof(off_t) == 8 && sizeof(struct stat) == sizeof(struct stat64));

namespace next {

using Open = int(const char*, int, ...);
using OpenAt = int(int, const char*, int, ...);
using Open2 = int(const char*, int);
using OpenAt2 = int(int, const char*, int);
using Creat = int(const char*, mode_t);
using Fopen = FILE*(const char*, const char*);
using Opendir = DIR*(const char*);
using ScandirFilter = int (*)(const dirent*);
using ScandirCompare = int (*)(const dirent**, const dirent**);
using Scandir = int(const char*, dirent***, ScandirFilter, ScandirCompare);
using Stat = int(const char*, struct stat*);
using Fstat = int(int, struct stat*);
using FstatAt = int(int, const char*, struct stat*, int);
using Statx = int(int, const char*, int, unsigned, struct statx*);
using Xstat = int(int, const char*, struct stat*);
using Fxstat = int(int, int, struct stat*);
using FxstatAt = int(int, int, const char*, struct stat*, int);
using Access = int(const char*, int);
using FaccessAt = int(int, const char*, int, int);
using Readlink = ssize_t(const char*, char*, size_t);
using ReadlinkAt = ssize_t(int, const char*, char*, size_t);
using Realpath = char*(const char*, char*);
using Getxattr = ssize_t(const char*, const char*, void*, size_t);
using Listxattr = ssize_t(const char*, char*, size_t);
using Close = int(int);
using CloseRange = int(unsigned, unsigned, int);
using CloseFrom = void(int);
using Dup = int(int);
using Dup2 = int(int, int);
using Dup3 = int(int, int, int);
using Fcntl = int(int, int, ...);
using Ioctl = int(int, unsigned long, ...);
using Mmap = void*(void*, size_t, int, int, int, off_t);
using Munmap = int(void*, size_t);
using Mremap = void*(void*, size_t, size_t, int, ...);

extern constinit Next<Open> open, open64;
extern constinit Next<OpenAt> openat, openat64;
extern constinit Next<Fopen> fopen, fopen64;
extern constinit Next<Opendir> opendir;
extern constinit Next<Scandir> scandir, scandir64;
extern constinit Next<Stat> stat, stat64, lstat, lstat64;
extern constinit Next<Fstat> fstat, fstat64;
extern constinit Next<FstatAt> fstatat, fstatat64;
extern constinit Next<Statx> statx;
extern constinit Next<Xstat> xstat, xstat64, lxstat, lxstat64;
extern constinit Next<Fxstat> fxstat, fxstat64;
extern constinit Next<FxstatAt> fxstatat, fxstatat64;
extern constinit Next<Access> access, eaccess, euidaccess;
extern constinit Next<FaccessAt> faccessat;
extern constinit Next<Readlink> readlink;
extern constinit Next<ReadlinkAt> readlinkat;
extern constinit Next<Realpath> realpath;
extern constinit Next<Getxattr> getxattr, lgetxattr;
extern constinit Next<Listxattr> listxattr, llistxattr;
extern constinit Next<Close> close;
extern constinit Next<CloseRange> close_range;
extern constinit Next<CloseFrom> closefrom;
extern constinit Next<Dup> dup;
extern constinit Next<Dup2> dup2;
extern constinit Next<Dup3> dup3;
extern constinit Next<Fcntl> fcntl, fcntl64;
extern constinit Next<Ioctl> ioctl;
extern constinit Next<Mmap> mmap, mmap64;
extern constinit Next<Munmap> munmap;
extern constinit Next<Mremap> mremap;

}  // namespace next
}  // namespace simgpu::node
