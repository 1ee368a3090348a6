// Shared memory in the role of dma-bufs and sync files: their ioctls.
#pragma once

namespace simgpu::node {

/// True for the memory of a simulated device's buffer, wherever its descriptor came from.
bool is_dma_buf(int fd);

/// An ioctl of <linux/dma-buf.h> on a memfd, which is what a simulated device exports. 0 or a
/// negative errno: -ENOTTY if `fd` is not a memfd or `request` not a dma-buf's.
int shared_memory_ioctl(int fd, unsigned long request, void* argument);

}  // namespace simgpu::node
