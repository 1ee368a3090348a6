// Fake render nodes: what a preload library must supply to make a DRM device appear.
//
// The toolkit (this folder) interposes the C library's file calls. A program in which it is
// preloaded sees, beside the machine's own devices, one PCI device with a DRM node for each
// NodeDriver that the library offers: /dev/dri, /sys/dev/char, /sys/class/drm and
// /sys/bus/pci/devices list it, stat() says "character device 226:N", libdrm enumerates it, and
// ioctl() and mmap() on its descriptors arrive at a NodeFile. All other paths and descriptors go
// to the next library (RTLD_NEXT) untouched.
//
// A product is a shared library that links `dep_fake_node` (meson) and defines kProduct:
//
//     constinit const Product kProduct{"viaduct-simgpu", "VIADUCT_SIMGPU_DEBUG", create_drivers};
//
// Its meson target takes `fake_node_link_args`, which export the interposed functions and nothing
// else, and link libstdc++ statically: a preload library must bring no C++ runtime of its own into
// a foreign process, nor depend on the one it finds there.
//
// Supported: several nodes, threads, dup and its relatives, close_range, fork (a child's first
// use of an inherited descriptor opens a fresh file: it has none of its parent's handles), exec
// (the environment passes LD_PRELOAD on; an inherited descriptor is taken up as a fresh file), a
// descriptor received over a socket (likewise), /proc/self/fdinfo/N and /proc/self/fd/N; closing as
// the kernel does it, at exit() too. The driver hears whether a file that is taken up so was in use
// (NodeFile::is_claimed), since a kernel would have one file there, not two.
// Not supported: raw system calls, flushing what exec() closes, chdir() into /dev/dri, glob(),
// libudev.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "simgpu/simgpu.h"

namespace simgpu::node {

enum class NodeType { kPrimary, kRender };

/// The PCI identity that sysfs shows, and how the DRM device hangs below it.
struct NodeDescription {
    uint16_t vendor = 0;
    uint16_t device = 0;
    uint16_t subsystem_vendor = 0;
    uint16_t subsystem_device = 0;
    uint8_t revision = 0;
    uint32_t pci_class = 0x030000;  // VGA controller; 0x038000: other display controller
    std::string driver;             // the PCI driver: "amdgpu", "virtio-pci"
    /// Name of the virtio device between the PCI device and its DRM nodes ("virtio0"); empty:
    /// the nodes hang below the PCI device itself.
    std::string virtio;
    /// Further files in /sys/module, and their contents.
    std::vector<std::pair<std::string, std::string>> module_files{};
};

/// One open file description of a node. Its methods are called from any thread, several at once,
/// with no lock held. It is destroyed when the last descriptor of it has been closed, the last
/// mapping of it is gone and the last call on it has returned; never in a forked child, nor when
/// the process exits.
class NodeFile {
  public:
    virtual ~NodeFile() = default;

    /// As ioctl(2), but returns a negative errno instead of setting errno.
    virtual int ioctl(unsigned long request, void* argument) = 0;
    /// The memory behind mmap(2) at `offset`. The toolkit maps it with the caller's address,
    /// length, protection and flags, and refuses a length beyond `size`. Error: positive errno.
    virtual tl::expected<MapSource, int> map_source(uint64_t offset) = 0;
    /// The driver's lines of /proc/self/fdinfo/N ("drm-driver:\tamdgpu\n..."); may be empty.
    virtual std::string fdinfo() { return {}; }
    /// A descriptor of the file, the last or not, was closed or duplicated over (kClose), or is
    /// still open when the process exits (kExit). Called on the closing thread, which waits for it
    /// (Linux: file_operations.flush).
    virtual void flush(Flush) {}
    /// True once the file has something that exists once per open file, and that a process which
    /// shares the file would meet (a context). Called from any thread, and in a forked child.
    virtual bool is_claimed() const { return false; }
    /// The descriptor that the program will hold, if it must poll and read events; asked for once.
    /// None: the toolkit supplies one that never polls readable, and that survives exec and
    /// sockets as described above.
    virtual viaduct::UniqueFd take_descriptor() { return {}; }
};

/// A device. Lives until the process ends; thread-safe.
class NodeDriver {
  public:
    virtual ~NodeDriver() = default;
    /// The same in every process that shares the device.
    virtual const NodeDescription& description() const = 0;
    /// A new open file. Error: positive errno for open(2).
    virtual tl::expected<std::unique_ptr<NodeFile>, int> open(NodeType type) = 0;
    /// The stand-in, in this process, for a file that another one opened; `claimed`: by that
    /// process.
    virtual tl::expected<std::unique_ptr<NodeFile>, int> open_inherited(NodeType type, bool) {
        return open(type);
    }
};

struct Product {
    const char* name;            // for messages: "viaduct-simgpu"
    const char* debug_variable;  // set to 1, the environment variable that makes it talk
    /// The devices to offer. Called once per process, when it first looks at a path where a node
    /// could be; may use any library function. An empty list turns the toolkit off.
    std::vector<std::unique_ptr<NodeDriver>> (*create_drivers)();
};

/// Defined by the preload library, not by the toolkit.
extern const Product kProduct;

/// Writes one line to stderr if the product's debug variable is set. Keeps errno.
void debug(const std::string& line);
/// Writes one line to stderr: what a user must hear of. Keeps errno.
void report(const std::string& line);
/// The same for a user's mistake, at most once per process.
void complain(const std::string& line);

}  // namespace simgpu::node
