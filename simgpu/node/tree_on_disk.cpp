#include "simgpu/node/tree_on_disk.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "simgpu/node/next.h"

namespace simgpu::node {

namespace {

using Kind = TreeEntry::Kind;

// Changes with the way a tree is written: an older version's copy is not taken for ours.
constexpr std::string_view kLayout = "viaduct fake node 1";

// FNV-1a, 64 bits (RFC draft-eastlake-fnv): names a copy; nothing trusts it.
class Digest {
  public:
    void add(std::string_view text) {
        for (const char c : text) add_byte(static_cast<unsigned char>(c));
        add_byte(0);
    }
    void add_byte(unsigned char byte) { value_ = (value_ ^ byte) * 0x100000001b3u; }
    uint64_t value() const { return value_; }

  private:
    uint64_t value_ = 0xcbf29ce484222325u;
};

std::string with_errno(const std::string& what, const std::string& path) {
    return fmt::format("cannot {} {}: {}", what, path, std::strerror(errno));
}

// A directory that only we can write to: another user's in its place (/tmp is everybody's) is
// not used.
bool make_private_directory(const std::string& path) {
    struct stat st = {};
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return false;
    return next::lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == ::geteuid() &&
           (st.st_mode & 077) == 0;
}

tl::expected<std::string, std::string> private_directory() {
    for (const char* base : {"/dev/shm", "/tmp"}) {
        const std::string path = fmt::format("{}/viaduct-node-{}", base, ::geteuid());
        if (make_private_directory(path)) return path;
    }
    return tl::unexpected(fmt::format(
        "cannot make the private directory viaduct-node-{} in /dev/shm or /tmp", ::geteuid()));
}

bool write_file(const std::string& path, const std::string& content) {
    const int fd = next::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (fd < 0) return false;
    const ssize_t written = ::write(fd, content.data(), content.size());
    next::close(fd);
    return written == static_cast<ssize_t>(content.size());
}

bool write_entry(const std::string& root, const TreeEntry& entry) {
    const std::string path = root + entry.path;
    switch (entry.kind) {
        case Kind::kDirectory:
            return ::mkdir(path.c_str(), 0755) == 0;
        case Kind::kFile:
            return write_file(path, entry.content);
        case Kind::kLink:
            return ::symlink(entry.content.c_str(), path.c_str()) == 0;
        case Kind::kNode:
            return ::mkfifo(path.c_str(), 0600) == 0 && ::chmod(path.c_str(), kNodeMode) == 0;
    }
    return false;
}

void remove_copy(const std::string& root, const DeviceTree& tree) {
    for (auto entry = tree.entries.rbegin(); entry != tree.entries.rend(); ++entry) {
        const std::string path = root + entry->path;
        if (entry->kind == Kind::kDirectory)
            ::rmdir(path.c_str());
        else
            ::unlink(path.c_str());
    }
    ::rmdir(root.c_str());
}

tl::expected<void, std::string> write_copy(const std::string& root, const DeviceTree& tree) {
    for (const TreeEntry& entry : tree.entries)
        if (!write_entry(root, entry))
            return tl::unexpected(with_errno("write", root + entry.path));
    return {};
}

}  // namespace

std::string tree_digest(const DeviceTree& tree) {
    Digest digest;
    digest.add(kLayout);
    for (const TreeEntry& entry : tree.entries) {
        digest.add_byte(static_cast<unsigned char>(entry.kind));
        digest.add(entry.path);
        digest.add(entry.content);
    }
    return fmt::format("{:016x}", digest.value());
}

tl::expected<std::string, std::string> write_tree(const DeviceTree& tree) {
    const auto base = private_directory();
    if (!base) return tl::unexpected(base.error());
    const std::string root = *base + "/" + tree_digest(tree);
    struct stat st = {};
    if (next::lstat(root.c_str(), &st) == 0) return root;

    std::string building = root + ".XXXXXX";
    if (::mkdtemp(building.data()) == nullptr)
        return tl::unexpected(with_errno("make a directory like", building));
    if (const auto written = write_copy(building, tree); !written) {
        remove_copy(building, tree);
        return tl::unexpected(written.error());
    }
    // Complete or not there at all. If another process was faster, its copy is as good.
    if (::rename(building.c_str(), root.c_str()) == 0) return root;
    const int reason = errno;
    remove_copy(building, tree);
    if (reason == ENOTEMPTY || reason == EEXIST) return root;
    errno = reason;
    return tl::unexpected(with_errno("rename a copy to", root));
}

std::string lexically_normal(std::string_view path) {
    std::string normal;
    normal.reserve(path.size() + 1);
    size_t at = 0;
    while (at < path.size()) {
        const size_t end = std::min(path.find('/', at), path.size());
        const std::string_view part = path.substr(at, end - at);
        at = end + 1;
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            normal.resize(normal.empty() ? 0 : normal.find_last_of('/'));
            continue;
        }
        normal += '/';
        normal += part;
    }
    return normal.empty() ? "/" : normal;
}

}  // namespace simgpu::node
