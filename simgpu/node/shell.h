// The shell around the drivers: where paths lead, which descriptors are ours, how a node opens.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simgpu/node/device_tree.h"
#include "simgpu/node/fake_node.h"
#include "simgpu/node/open_files.h"

namespace simgpu::node {

/// Restores errno.
class KeepErrno {
  public:
    KeepErrno() = default;
    KeepErrno(const KeepErrno&) = delete;
    KeepErrno& operator=(const KeepErrno&) = delete;
    ~KeepErrno() { errno = value_; }

  private:
    int value_ = errno;
};

/// A node that a path or a descriptor stands for.
struct NodeId {
    int device = 0;
    NodeType type = NodeType::kRender;

    /// As one number, as OpenFile keeps it.
    int number() const { return device * 2 + (type == NodeType::kRender ? 1 : 0); }
    static NodeId from_number(int number) {
        return {number / 2, number % 2 != 0 ? NodeType::kRender : NodeType::kPrimary};
    }
};

/// The devices of this process. Made once, at the first look at a path where a device could be;
/// never destroyed. Immutable afterwards, so any thread may use it.
class Shell {
  public:
    /// The shell if it is awake already; null also without devices.
    static Shell* awake();
    /// Wakes it if need be. Null without devices, and within its own waking.
    static Shell* wake();
    /// wake() if `path` is where a device could be, else null. This is all that calls with other
    /// paths cost.
    static Shell* for_path(const char* path);

    /// The path to use instead, mostly in our copy; nothing if `path` is not ours.
    std::optional<std::string> redirect(const char* path) const;
    /// The path as the program should read it: without our copy's root.
    std::string_view without_root(std::string_view path) const;
    /// The node whose FIFO is this file.
    std::optional<NodeId> identify(dev_t device, ino64_t inode) const;
    dev_t device_number(NodeId node) const;
    /// "/dev/dri/renderD128"
    std::string node_path(NodeId node) const;

    /// open(2) of a node: a new descriptor of a new file, or -1 and errno.
    int open_node(NodeId node, int flags);
    /// The open file of a descriptor that came to us by exec() or over a socket: made on the spot.
    /// Null if `fd` is of no node.
    OpenFilePtr adopt(int fd);

  private:
    struct KnownNode {
        dev_t device;
        ino_t inode;
        NodeId id;
    };

    static Shell* make();
    bool write_devices();
    std::unique_ptr<NodeFile> open_file(NodeId node, int* error) const;
    std::unique_ptr<NodeFile> open_inherited(NodeId node, bool claimed) const;
    std::unique_ptr<NodeFile> take_opened(NodeId node,
                                          tl::expected<std::unique_ptr<NodeFile>, int> file,
                                          int* error) const;
    OpenFilePtr make_open_file(NodeId node, int fd, std::unique_ptr<NodeFile> file) const;

    std::vector<std::unique_ptr<NodeDriver>> drivers_;
    std::vector<PlacedDevice> devices_;
    std::vector<std::string> owned_;
    std::vector<KnownNode> nodes_;
    std::string root_;
};

/// The descriptors of the process; there before the shell is awake and to the end. Its first use
/// allocates nothing, for it may come from an allocator that is starting.
OpenFiles& open_files();

/// Notes on the file description of `fd`, for every process that shares it, that its NodeFile is
/// claimed.
void publish_claim(int fd);

/// The node whose FIFO is this file; wakes the shell for what looks like one, as the process may
/// have been given the descriptor by another.
std::optional<NodeId> node_of(mode_t mode, dev_t device, ino64_t inode);

/// The meaning of an open(2) of a path.
struct OpenTarget {
    enum class Kind {
        kElsewhere,  // none of our business
        kTree,       // `path` in our copy
        kNode,
        kFdinfo,  // /proc/self/fdinfo/`fd`, of a node
    };
    Kind kind = Kind::kElsewhere;
    std::string path{};
    NodeId node{};
    int fd = -1;
};
OpenTarget find_open_target(int directory, const char* path);

/// The path argument of a call: as given, or in our copy.
class PathArgument {
  public:
    explicit PathArgument(const char* path) : path_(path) {
        if (const Shell* shell = Shell::for_path(path)) redirected_ = shell->redirect(path);
    }
    const char* get() const { return redirected_ ? redirected_->c_str() : path_; }

  private:
    const char* path_;
    std::optional<std::string> redirected_;
};

}  // namespace simgpu::node
