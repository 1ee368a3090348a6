#include "simgpu/node/next.h"

namespace simgpu::node::next {

constinit Next<Open> open("open");
constinit Next<Open> open64("open64");
constinit Next<OpenAt> openat("openat");
constinit Next<OpenAt> openat64("openat64");
constinit Next<Fopen> fopen("fopen");
constinit Next<Fopen> fopen64("fopen64");
constinit Next<Opendir> opendir("opendir");
constinit Next<Scandir> scandir("scandir");
constinit Next<Scandir64> scandir64("scandir64");
constinit Next<Stat> stat("stat");
constinit Next<Stat64> stat64("stat64");
constinit Next<Stat> lstat("lstat");
constinit Next<Stat64> lstat64("lstat64");
constinit Next<Fstat> fstat("fstat");
constinit Next<Fstat64> fstat64("fstat64");
constinit Next<Fstatfs> fstatfs("fstatfs");
constinit Next<Fstatfs64> fstatfs64("fstatfs64");
constinit Next<FstatAt> fstatat("fstatat");
constinit Next<FstatAt64> fstatat64("fstatat64");
constinit Next<Statx> statx("statx");
constinit Next<Xstat> xstat("__xstat");
constinit Next<Xstat64> xstat64("__xstat64");
constinit Next<Xstat> lxstat("__lxstat");
constinit Next<Xstat64> lxstat64("__lxstat64");
constinit Next<Fxstat> fxstat("__fxstat");
constinit Next<Fxstat64> fxstat64("__fxstat64");
constinit Next<FxstatAt> fxstatat("__fxstatat");
constinit Next<FxstatAt64> fxstatat64("__fxstatat64");
constinit Next<Access> access("access");
constinit Next<Access> eaccess("eaccess");
constinit Next<Access> euidaccess("euidaccess");
constinit Next<FaccessAt> faccessat("faccessat");
constinit Next<Readlink> readlink("readlink");
constinit Next<ReadlinkAt> readlinkat("readlinkat");
constinit Next<Realpath> realpath("realpath");
constinit Next<Getxattr> getxattr("getxattr");
constinit Next<Getxattr> lgetxattr("lgetxattr");
constinit Next<Listxattr> listxattr("listxattr");
constinit Next<Listxattr> llistxattr("llistxattr");
constinit Next<Close> close("close");
constinit Next<CloseRange> close_range("close_range");
constinit Next<CloseFrom> closefrom("closefrom");
constinit Next<Dup> dup("dup");
constinit Next<Dup2> dup2("dup2");
constinit Next<Dup3> dup3("dup3");
constinit Next<Fcntl> fcntl("fcntl");
constinit Next<Fcntl> fcntl64("fcntl64");
constinit Next<Ioctl> ioctl("ioctl");
constinit Next<Mmap> mmap("mmap");
constinit Next<Mmap64> mmap64("mmap64");
constinit Next<Munmap> munmap("munmap");
constinit Next<Mremap> mremap("mremap");

}  // namespace simgpu::node::next
