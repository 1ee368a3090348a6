// The files behind this process's memory: /proc/self/maps and /proc/self/fd.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace viaduct {

/// Identity of a file while it is open somewhere.
struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileId&) const = default;
};

/// A stretch of memory that is mapped shared and writable from a file. Private mappings are left
/// out: their pages differ from the file's once written.
struct MappedFile {
    uintptr_t begin = 0;  // addresses: [begin, end)
    uintptr_t end = 0;
    uint64_t offset = 0;  // of `begin` in the file
    FileId file;
    bool foreign = false;  // memory of another Xen domain (the kernel's drivers/xen/privcmd.c)
};

/// A snapshot of what is mapped. It does not follow later calls of mmap().
class MappedFiles {
  public:
    /// Reads /proc/self/maps. Fails where /proc is not mounted.
    static Result<MappedFiles> of_this_process();
    /// The same from the text of such a file (proc_pid_maps(5)); lines in another form are skipped.
    static MappedFiles parse(std::string_view text);

    /// The mapping that holds `address`, or null.
    const MappedFile* find(uintptr_t address) const;
    size_t size() const { return mappings_.size(); }

  private:
    std::vector<MappedFile> mappings_;  // by address
};

/// A duplicate of a descriptor of this process, opened for reading and writing, that refers to
/// `file`. `hint`: a number to try first, then the number where the file was found; -1: none yet.
/// ENOENT: the process has the file mapped, but no longer open.
Result<UniqueFd> find_open_file(const FileId& file, int& hint);

}  // namespace viaduct
