// Storage: where the bytes of a resource are, and how a VMM gets at them.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "base/shared_fd.h"
#include "base/unique_fd.h"
#include "renderer/abi/virglrenderer.h"
#include "renderer/classic.h"
#include "renderer/record/memory_view.h"

namespace viaduct {

/// The bytes of one resource: with the classic renderer, in guest memory, an object of a native
/// context, or behind a descriptor that the VMM brought. Most methods answer a C function, with its
/// return convention. Thread-safe; called without the lock of the tables, for a worker, the kernel
/// or the classic renderer may be asked.
class Storage {
  public:
    virtual ~Storage() = default;

    /// Afterwards the worker that makes it, if there is one, has answered. An error: it has not,
    /// or there is nothing.
    virtual Status settle() { return {}; }

    virtual int map(void** address, uint64_t* size) = 0;
    virtual int unmap() = 0;
    virtual int map_fixed(void* address) = 0;
    /// Whether map_fixed() maps as many bytes; true also where that is not known here.
    virtual bool has_size(uint64_t /*bytes*/) const { return true; }
    virtual int map_info(uint32_t* info) = 0;

    virtual int export_blob(uint32_t* fd_type, int* fd) = 0;
    /// The dma-buf that there is, or may be, without asking a worker; null: none. It lives as long
    /// as the storage.
    virtual SharedFd dmabuf() { return nullptr; }
    /// The VMM's own dma-buf of the storage, which owns `fd` afterwards. EINVAL: it has a dma-buf,
    /// or other memory, or `fd` is too short; ENOMEM: the VM uses too many. Then `fd` is still the
    /// caller's.
    virtual Status set_dmabuf(int /*fd*/) {
        return fail(EINVAL, "it is not guest memory, and needs none");
    }
    /// Whether new_dmabuf() may succeed: it takes a descriptor, which has to be booked first.
    virtual bool makes_dmabufs() const { return false; }
    /// Makes a dma-buf where the storage has none.
    virtual Result<UniqueFd> new_dmabuf() {
        return fail(EINVAL, "it cannot be exported as a dma-buf");
    }
    /// The reason for the log if a native context gets no dma-buf of this. Empty: none is missed.
    virtual std::string_view without_dmabuf() const { return {}; }

    /// The bytes, if a guest's processor may reach them: a mapping of this process. After settle().
    virtual Result<MemoryView> view() { return fail(EINVAL, "it cannot be looked at"); }

    /// `info` comes zeroed, with the resource's id and fd -1.
    virtual int info(virgl_renderer_resource_info& info) = 0;
    virtual int info_ext(virgl_renderer_resource_info_ext& info) { return this->info(info.base); }
    virtual int export_query(virgl_renderer_export_query& query) = 0;
    virtual void get_rect(iovec*, uint32_t /*count*/, uint32_t /*offset*/, const Rect&) {}
    virtual void* cursor_data(uint32_t* /*width*/, uint32_t* /*height*/) { return nullptr; }

    /// The VMM's array, until it is detached.
    virtual int attach_iov(iovec* iovecs, int count) = 0;
    virtual void detach_iov(iovec** iovecs, int* count) = 0;

    /// The classic renderer if it has the resource, under the same id; else null.
    virtual std::shared_ptr<ClassicRenderer> classic() const = 0;
    /// Adds the resource there. False: that cannot be done.
    virtual bool introduce_to(const std::shared_ptr<ClassicRenderer>& classic) = 0;
};

}  // namespace viaduct
