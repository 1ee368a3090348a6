// The functions behind the interposed ones: the next library's, in lookup order.
#pragma once

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

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
using ScandirFilter64 = int (*)(const dirent64*);
using ScandirCompare64 = int (*)(const dirent64**, const dirent64**);
using Scandir64 = int(const char*, dirent64***, ScandirFilter64, ScandirCompare64);
// `Status`: struct stat, or struct stat64, which are the same bytes on 64-bit machines only.
template <typename Status>
using StatOf = int(const char*, Status*);
template <typename Status>
using FstatOf = int(int, Status*);
template <typename Status>
using FstatAtOf = int(int, const char*, Status*, int);
template <typename Status>
using XstatOf = int(int, const char*, Status*);
template <typename Status>
using FxstatOf = int(int, int, Status*);
template <typename Status>
using FxstatAtOf = int(int, int, const char*, Status*, int);
using Stat = StatOf<struct stat>;
using Stat64 = StatOf<struct stat64>;
using Fstat = FstatOf<struct stat>;
using Fstat64 = FstatOf<struct stat64>;
using Fstatfs = int(int, struct statfs*);
using Fstatfs64 = int(int, struct statfs64*);
using FstatAt = FstatAtOf<struct stat>;
using FstatAt64 = FstatAtOf<struct stat64>;
using Xstat = XstatOf<struct stat>;
using Xstat64 = XstatOf<struct stat64>;
using Fxstat = FxstatOf<struct stat>;
using Fxstat64 = FxstatOf<struct stat64>;
using FxstatAt = FxstatAtOf<struct stat>;
using FxstatAt64 = FxstatAtOf<struct stat64>;
using Statx = int(int, const char*, int, unsigned, struct statx*);
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
using Mmap64 = void*(void*, size_t, int, int, int, off64_t);
using Munmap = int(void*, size_t);
using Mremap = void*(void*, size_t, size_t, int, ...);

extern constinit Next<Open> open, open64;
extern constinit Next<OpenAt> openat, openat64;
extern constinit Next<Fopen> fopen, fopen64;
extern constinit Next<Opendir> opendir;
extern constinit Next<Scandir> scandir;
extern constinit Next<Scandir64> scandir64;
extern constinit Next<Stat> stat, lstat;
extern constinit Next<Stat64> stat64, lstat64;
extern constinit Next<Fstat> fstat;
extern constinit Next<Fstat64> fstat64;
extern constinit Next<Fstatfs> fstatfs;
extern constinit Next<Fstatfs64> fstatfs64;
extern constinit Next<FstatAt> fstatat;
extern constinit Next<FstatAt64> fstatat64;
extern constinit Next<Statx> statx;
extern constinit Next<Xstat> xstat, lxstat;
extern constinit Next<Xstat64> xstat64, lxstat64;
extern constinit Next<Fxstat> fxstat;
extern constinit Next<Fxstat64> fxstat64;
extern constinit Next<FxstatAt> fxstatat;
extern constinit Next<FxstatAt64> fxstatat64;
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
extern constinit Next<Mmap> mmap;
extern constinit Next<Mmap64> mmap64;
extern constinit Next<Munmap> munmap;
extern constinit Next<Mremap> mremap;

}  // namespace next
}  // namespace simgpu::node
