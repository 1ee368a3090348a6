// The calls of linux/dma-buf.h on any dma-buf: CPU access, and its fences as sync files.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"

namespace viaduct {

/// Kinds of access to a buffer's bytes. Values: DMA_BUF_SYNC_READ and _WRITE.
enum class BufferAccess : uint32_t { kRead = 1, kWrite = 2, kReadWrite = 3 };

/// Opens a stretch of CPU access through a mapping. Waits for the GPU's fences: writers' before a
/// read, all before a write. Call it where blocking is allowed, or after the sync file of
/// export_sync_file() has signalled.
Status begin_cpu_access(int dmabuf, BufferAccess access);
/// Ends it. EINVAL from a udmabuf: there was no begin.
Status end_cpu_access(int dmabuf, BufferAccess access);

/// The fences that somebody who is about to access the buffer has to wait for, as one sync file:
/// the writers' for kRead, all for kWrite. Later fences are not in it. ENOTTY: before Linux 6.0.
Result<UniqueFd> export_sync_file(int dmabuf, BufferAccess access);

/// Adds the fences of `sync_file` (borrowed) to the buffer: as a reader's for kRead, as a writer's
/// else. Drivers with implicit synchronisation wait for them from now on.
Status import_sync_file(int dmabuf, int sync_file, BufferAccess access);

}  // namespace viaduct
