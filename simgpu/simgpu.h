// The simulated GPU's public interface: open a device file, and talk to it as to a render node.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "base/unique_fd.h"

namespace simgpu {

struct OpenOptions {
    /// "renoir", ...: a name in the table of chips (simgpu/chips.h). Empty: the first one.
    std::string model;
    /// Processes of one user that open the same model and instance share one device: its rings and
    /// its memory totals. Letters, digits, '-', '_' and '.', at most 64. Empty:
    /// $VIADUCT_SIMGPU_INSTANCE, else "default".
    std::string instance;
};

/// Where the bytes behind an mmap offset live: map `fd` at `offset`.
struct MapSource {
    viaduct::UniqueFd fd;
    uint64_t offset = 0;
    uint64_t size = 0;  // bytes of the buffer object, page-rounded
};

/// Name of the memfd behind File::fd(), by which /proc/PID/fd tells it from buffers. close() of a
/// copy of it does not wait, as that of a render node's descriptor does: only File::flush() and the
/// File's end wait. A process that holds nothing but such a copy (the front, with workers in
/// processes of their own) can close it without noticing what a kernel would charge.
inline constexpr const char* kStandInName = "viaduct-simgpu-file";

/// The longest time that a job may execute on any chip before the device recovers from it, in
/// nanoseconds.
uint64_t longest_job_timeout_ns();

/// Removes what killed processes of this user have left of simulated GPUs. False: some of them are
/// in use. Opening a file does it, too.
bool remove_leftovers();

/// How a descriptor of a file is closed.
enum class Flush {
    kClose,  // close(2), dup2(2) over it, ...
    kExit,   // its process exits
};

/// One open file of the simulated render node: own handles, own GPU address space. Thread-safe.
///
/// An embedder plays the kernel's file table. It owns the File as long as there is a descriptor or
/// a mapping of it, and calls flush() at each close of a descriptor, the last one included, on the
/// thread that closes; then it destroys the File, or exits. Destroying it flushes once more, which
/// costs nothing by then. Jobs that the hardware has at that time run on and keep what they use;
/// they end with the process (as after SIGKILL, their fences then signal -ESRCH). Exported buffers
/// live on.
class File {
  public:
    /// Error: positive errno; a sentence about it goes to the log (simgpu/log.h).
    static tl::expected<std::unique_ptr<File>, int> open(const OpenOptions& options);
    virtual ~File() = default;

    /// As ioctl(2) on the render node, size rule of the DRM core included, but returns a negative
    /// errno instead of setting errno. It blocks where the kernel does. -EINTR and -EAGAIN if an
    /// injection interrupts it (simgpu/inject.h): call again, as drmIoctl() does.
    virtual int ioctl(unsigned long request, void* argument) = 0;
    /// Resolves an offset that the driver gave out for mmap(2). Error: positive errno.
    virtual tl::expected<MapSource, int> map_source(uint64_t mmap_offset) = 0;
    /// The driver's lines of /proc/PID/fdinfo ("drm-driver:\t...\n..."): who the client is, what
    /// memory it holds, how long it kept each engine busy.
    virtual std::string fdinfo() const = 0;
    /// A descriptor that stands for this open file (fstat, fdinfo); borrowed.
    virtual int fd() const = 0;
    /// The kernel's work at each close of a descriptor, the last or not (Linux: such as
    /// amdgpu_flush()): waits until all that is queued has been handed over to the hardware, then
    /// up to 1 s until it has finished. kClose waits for the first without limit, kExit 1 s for
    /// both. Meanwhile ioctls that look at a context wait too.
    virtual void flush(Flush kind) = 0;
};

/// Merges two sync files of simulated fences into one. Error: positive errno.
tl::expected<viaduct::UniqueFd, int> merge_sync_files(int a, int b);

}  // namespace simgpu
