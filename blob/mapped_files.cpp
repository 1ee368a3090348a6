#include "blob/mapped_files.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

namespace viaduct {

namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

// Where libxenforeignmemory maps another domain's pages from.
constexpr std::string_view kPrivcmd = "/xen/privcmd";

// proc_pid_maps(5): "7f5d40000000-7f5d80000000 rw-s 00000000 00:01 2057  /memfd:ram (deleted)".
std::optional<MappedFile> parse_line(const std::string& line) {
    uint64_t begin = 0, end = 0, offset = 0, inode = 0;
    char permissions[5] = "";
    unsigned device_major = 0, device_minor = 0;
    const int fields =
        std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64, &begin,
                    &end, permissions, &offset, &device_major, &device_minor, &inode);
    if (fields != 7 || begin >= end || end > UINTPTR_MAX || inode == 0) return {};
    if (permissions[1] != 'w' || permissions[3] != 's') return {};
    return MappedFile{static_cast<uintptr_t>(begin),
                      static_cast<uintptr_t>(end),
                      offset,
                      {makedev(device_major, device_minor), static_cast<ino_t>(inode)},
                      line.ends_with(kPrivcmd)};
}

bool refers_to(int fd, const FileId& file) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && FileId{status.st_dev, status.st_ino} == file;
}

// Another thread may close and reuse the number at any time: what counts is the duplicate's file.
UniqueFd duplicate_if(int fd, const FileId& file) {
    UniqueFd copy = UniqueFd::duplicate_of(fd);
    if (!copy || !refers_to(copy.get(), file)) return {};
    const int flags = ::fcntl(copy.get(), F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) == O_RDWR ? std::move(copy) : UniqueFd();
}

}  // namespace

Result<MappedFiles> MappedFiles::of_this_process() {
    const UniqueFd maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
    if (!maps) return fail(errno, "cannot read /proc/self/maps: {}", std::strerror(errno));
    std::string text;
    char bytes[16384];
    for (ssize_t size; (size = ::read(maps.get(), bytes, sizeof(bytes))) > 0;)
        text.append(bytes, static_cast<size_t>(size));
    return parse(text);
}

MappedFiles MappedFiles::parse(std::string_view text) {
    MappedFiles files;
    while (!text.empty()) {
        const size_t length = std::min(text.find('\n'), text.size());
        if (const auto mapping = parse_line(std::string(text.substr(0, length))))
            files.mappings_.push_back(*mapping);
        text.remove_prefix(std::min(length + 1, text.size()));
    }
    std::ranges::sort(files.mappings_, {}, &MappedFile::begin);
    return files;
}

const MappedFile* MappedFiles::find(uintptr_t address) const {
    const auto after = std::ranges::upper_bound(mappings_, address, {}, &MappedFile::begin);
    if (after == mappings_.begin()) return nullptr;
    const MappedFile& mapping = *std::prev(after);
    return address < mapping.end ? &mapping : nullptr;
}

Result<UniqueFd> find_open_file(const FileId& file, int& hint) {
    if (hint >= 0 && refers_to(hint, file))
        if (UniqueFd found = duplicate_if(hint, file)) return found;
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc/self/fd"));
    if (!directory) return fail(errno, "cannot read /proc/self/fd: {}", std::strerror(errno));
    while (const dirent* entry = ::readdir(directory.get())) {
        if (entry->d_name[0] == '.') continue;
        const int fd = std::atoi(entry->d_name);
        if (!refers_to(fd, file)) continue;
        if (UniqueFd found = duplicate_if(fd, file)) {
            hint = fd;
            return found;
        }
    }
    return fail(ENOENT, "inode {} is mapped, but not open for writing in this process", file.inode);
}

}  // namespace viaduct
