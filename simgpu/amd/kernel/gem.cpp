// Buffer objects (Linux: amdgpu_gem.c, amdgpu_bo_list.c).
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>

#include "simgpu/amd/kernel/drm_file.h"
#include "simgpu/amd/kernel/kernel.h"
#include "simgpu/amd/kernel/timeout.h"
#include "simgpu/inject.h"
#include "simgpu/log.h"

namespace simgpu::amdgpu::gem {

namespace {

constexpr uint64_t kPage = kGpuPage;
// On-chip memories, one "page" of a buffer per byte or entry (Linux: amdgpu_bo_create()).
constexpr uint64_t kScarceDomains =
    AMDGPU_GEM_DOMAIN_GDS | AMDGPU_GEM_DOMAIN_GWS | AMDGPU_GEM_DOMAIN_OA;
// AMDGPU_GEM_DOMAIN_MASK; before user queues DOORBELL is refused all the same.
constexpr uint64_t kDomains = AMDGPU_GEM_DOMAIN_CPU | AMDGPU_GEM_DOMAIN_GTT |
                              AMDGPU_GEM_DOMAIN_VRAM | kScarceDomains | kDomainDoorbell;
// Flags that amdgpu_gem_create_ioctl() of Linux 6.13 and 6.16 accepts.
constexpr uint64_t kCreateFlags =
    AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED | AMDGPU_GEM_CREATE_NO_CPU_ACCESS |
    AMDGPU_GEM_CREATE_CPU_GTT_USWC | AMDGPU_GEM_CREATE_VRAM_CLEARED |
    AMDGPU_GEM_CREATE_VM_ALWAYS_VALID | AMDGPU_GEM_CREATE_EXPLICIT_SYNC |
    AMDGPU_GEM_CREATE_ENCRYPTED | kGemGfx12Dcc | kGemDiscardable;
constexpr uint32_t kVaFlags = AMDGPU_VM_DELAY_UPDATE | AMDGPU_VM_PAGE_READABLE |
                              AMDGPU_VM_PAGE_WRITEABLE | AMDGPU_VM_PAGE_EXECUTABLE |
                              AMDGPU_VM_MTYPE_MASK | kVmPageNoalloc;
constexpr uint32_t kPrtFlags = AMDGPU_VM_DELAY_UPDATE | AMDGPU_VM_PAGE_PRT;
constexpr uint32_t kMaxListEntries = 1u << 20;  // bounded allocation; the kernel's is kvmalloc's

uint64_t round_to_page(uint64_t size) {
    return (size + kPage - 1) & ~(kPage - 1);
}

int check_create(const DrmFile& file, const drm_amdgpu_gem_create_in& in) {
    if ((in.domains & kDomainDoorbell) && kms_minor() < kKmsLinux616) return -EINVAL;
    if ((in.domain_flags & ~kCreateFlags) || (in.domains & ~kDomains)) return -EINVAL;
    const bool has_tmz = file.model().device.ids_flags & AMDGPU_IDS_FLAGS_TMZ;
    if ((in.domain_flags & AMDGPU_GEM_CREATE_ENCRYPTED) && !has_tmz) return -EINVAL;
    // A job must name such a buffer in its list.
    const bool always_valid = in.domain_flags & AMDGPU_GEM_CREATE_VM_ALWAYS_VALID;
    if ((in.domains & kScarceDomains) && always_valid) return -EINVAL;
    return in.bo_size == 0 ? -EINVAL : 0;
}

/// Bytes of the buffer object; nothing if no heap could hold it (Linux: amdgpu_bo_validate_size()).
std::optional<uint64_t> object_size(const ModelInfo& model, const drm_amdgpu_gem_create_in& in) {
    constexpr uint64_t kMost = 1ull << 47;  // rounding and shifting must not wrap
    if (in.bo_size > kMost) return std::nullopt;
    if (in.domains & kScarceDomains) {
        const bool words = in.domains & AMDGPU_GEM_DOMAIN_GDS;
        const uint64_t units = words ? (in.bo_size + 3) & ~uint64_t{3} : in.bo_size;
        if (units > kMost / kPage) return std::nullopt;
        return units * kPage;
    }
    const uint64_t size = round_to_page(in.bo_size);
    // A buffer that does not fit into VRAM is tried again with GTT allowed.
    const bool heap = in.domains & (AMDGPU_GEM_DOMAIN_VRAM | AMDGPU_GEM_DOMAIN_GTT);
    const bool too_large_for_vram = (in.domains & AMDGPU_GEM_DOMAIN_GTT) || size >= model.vram_size;
    if (heap && too_large_for_vram && size >= model.gtt_size) return std::nullopt;
    return size;
}

/// The flags that the kernel keeps and shows: memory is always cleared and wiped, what the CPU
/// cannot reach says so, and CPU_ACCESS_REQUIRED is a hint for the first placement.
uint64_t kept_flags(const drm_amdgpu_gem_create_in& in) {
    uint64_t flags =
        in.domain_flags | AMDGPU_GEM_CREATE_VRAM_CLEARED | AMDGPU_GEM_CREATE_VRAM_WIPE_ON_RELEASE;
    if (in.domains & kScarceDomains) flags |= AMDGPU_GEM_CREATE_NO_CPU_ACCESS;
    return flags & ~uint64_t{AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED};
}

void set_placement(Buffer& buffer, uint64_t domains) {
    GemRecord record = record_of(buffer);
    record.domains = domains;
    buffer.set_record(Buffer::Record::of(record), /*announce=*/false);
}

/// Where the buffer's memory may be (Linux: amdgpu_bo_placement_from_domain()).
void place(Buffer::Request& request, const drm_amdgpu_gem_create_in& in, const ModelInfo& model) {
    if (in.domains & kDomainDoorbell) {
        request.fixed_heap = shared::Heap::kDoorbell;
        return;
    }
    const bool vram = in.domains & AMDGPU_GEM_DOMAIN_VRAM, gtt = in.domains & AMDGPU_GEM_DOMAIN_GTT;
    if (!vram && !gtt) return;
    shared::Wish wish{
        .size = request.size,
        .vram = vram,
        .system = gtt,
        .visible = (in.domain_flags & AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED) != 0,
        .discardable = (in.domain_flags & kGemDiscardable) != 0,
        .system_as_good = (model.device.ids_flags & AMDGPU_IDS_FLAGS_FUSION) != 0,
    };
    request.wishes.push_back(wish);
    if (!wish.visible) return;
    // amdgpu_gem_create_ioctl() tries again without CPU_ACCESS_REQUIRED.
    wish.visible = false;
    request.wishes.push_back(wish);
}

}  // namespace

int create(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_gem_create*>(argument);
    const drm_amdgpu_gem_create_in in = args.in;
    if (const int error = check_create(file, in)) return error;
    const std::optional<uint64_t> size = object_size(file.model(), in);
    if (!size || inject_into_allocation(*size, file.client_name())) return -ENOMEM;
    const bool always_valid = in.domain_flags & AMDGPU_GEM_CREATE_VM_ALWAYS_VALID;
    Buffer::Request request;
    request.size = *size;
    request.record = Buffer::Record::of(
        GemRecord{.domains = in.domains,
                  .create_flags = kept_flags(in),
                  .alignment = std::max(round_to_page(std::min(in.alignment, 1ull << 32)), kPage)});
    place(request, in, file.model());
    request.group = always_valid ? file.always_valid_uses() : nullptr;
    // Such a buffer has the page directory's reservation, which amdgpu_gem_create_ioctl() takes.
    std::optional<ReservationLock> root;
    if (always_valid) root.emplace(std::vector{file.own_reservation().get()});
    const auto buffer = Buffer::create(file.shared_device(), request);
    if (!buffer) return buffer.error();
    if (always_valid) (*buffer)->share_reservation(file.own_reservation());
    args = {};
    args.out.handle = file.buffers().add(*buffer);
    return 0;
}

int mmap(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_gem_mmap*>(argument);
    const uint32_t handle = args.in.handle;
    args = {};
    const BufferPtr buffer = file.buffers().find(handle);
    if (!buffer) return -ENOENT;
    if (buffer->is_user_memory() ||
        (record_of(*buffer).create_flags & AMDGPU_GEM_CREATE_NO_CPU_ACCESS))
        return -EPERM;
    args.out.addr_ptr = file.buffers().mmap_offset(handle);
    return 0;
}

int userptr(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_gem_userptr*>(argument);
    constexpr uint32_t kFlags = AMDGPU_GEM_USERPTR_READONLY | AMDGPU_GEM_USERPTR_ANONONLY |
                                AMDGPU_GEM_USERPTR_VALIDATE | AMDGPU_GEM_USERPTR_REGISTER;
    if (args.addr % kPage || args.size % kPage || args.size == 0) return -EINVAL;
    if (args.flags & ~kFlags) return -EINVAL;
    const bool writable = !(args.flags & AMDGPU_GEM_USERPTR_READONLY);
    if (writable && !(args.flags & AMDGPU_GEM_USERPTR_REGISTER)) return -EACCES;
    if (args.addr + args.size < args.addr) return -EINVAL;
    auto* address = reinterpret_cast<void*>(args.addr);
    // ENOMEM: part of the range is not mapped. The kernel finds that out when it pins the pages.
    if (::msync(address, args.size, MS_ASYNC) != 0) return -EFAULT;
    args.handle =
        file.buffers().add(Buffer::wrap_user_memory(address, args.size, foreign_record()));
    return 0;
}

int op(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_amdgpu_gem_op*>(argument);
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    const ReservationLock lock({&buffer->reservation()});
    switch (args.op) {
        case AMDGPU_GEM_OP_GET_GEM_CREATE_INFO: {
            if (args.value == 0) return -EFAULT;
            const GemRecord record = record_of(*buffer);
            const drm_amdgpu_gem_create_in info{.bo_size = buffer->size(),
                                                .alignment = record.alignment,
                                                .domains = record.domains,
                                                .domain_flags = record.create_flags};
            std::memcpy(reinterpret_cast<void*>(args.value), &info, sizeof(info));
            return 0;
        }
        case AMDGPU_GEM_OP_SET_PLACEMENT:
            if (buffer->is_user_memory()) return -EPERM;
            set_placement(*buffer, args.value & (AMDGPU_GEM_DOMAIN_VRAM | AMDGPU_GEM_DOMAIN_GTT |
                                                 AMDGPU_GEM_DOMAIN_CPU));
            return 0;
        default:
            return -EINVAL;
    }
}

int metadata(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_gem_metadata*>(argument);
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    const ReservationLock lock({&buffer->reservation()});
    GemRecord record = record_of(*buffer);
    switch (args.op) {
        case AMDGPU_GEM_METADATA_OP_GET_METADATA:
            args.data.flags = record.metadata_flags;
            args.data.tiling_info = record.tiling_info;
            args.data.data_size_bytes = record.metadata_size;
            std::memcpy(args.data.data, record.metadata.data(), record.metadata_size);
            return 0;
        case AMDGPU_GEM_METADATA_OP_SET_METADATA:
            if (args.data.data_size_bytes > sizeof(args.data.data)) return -EINVAL;
            record.metadata_flags = args.data.flags;
            record.tiling_info = args.data.tiling_info;
            record.metadata_size = args.data.data_size_bytes;
            record.metadata = {};
            std::memcpy(record.metadata.data(), args.data.data, record.metadata_size);
            buffer->set_record(Buffer::Record::of(record), /*announce=*/true);
            return 0;
        default:
            return 0;  // as the kernel, which knows no other operation and says nothing
    }
}

int wait_idle(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_gem_wait_idle*>(argument);
    const drm_amdgpu_gem_wait_idle_in in = args.in;
    const BufferPtr buffer = file.buffers().find(in.handle);
    if (!buffer) return -ENOENT;
    const auto deadline = deadline_of(in.timeout);
    bool idle = true;
    for (const drm::FencePtr& fence : buffer->reservation().pending())
        idle = idle && fence->wait_until(deadline);
    args = {};
    args.out.status = idle ? 0 : 1;
    return 0;
}

int va(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const drm_amdgpu_gem_va*>(argument);
    const std::optional<uint64_t> start = canonical_va(args.va_address);
    if (!start) return -EINVAL;
    if ((args.flags & ~kVaFlags) && (args.flags & ~kPrtFlags)) return -EINVAL;
    AddressSpace& space = file.address_space();
    if (args.operation == AMDGPU_VA_OP_CLEAR) {
        const ReservationLock lock({file.own_reservation().get()});
        return space.clear(*start, args.map_size);
    }
    BufferPtr buffer;
    if (!(args.flags & AMDGPU_VM_PAGE_PRT)) {
        buffer = file.buffers().find(args.handle);
        if (!buffer) return -ENOENT;
    }
    if (args.map_size > kAddressLayout.mask) return -EINVAL;
    std::vector<Reservation*> reservations{file.own_reservation().get()};
    if (buffer) reservations.push_back(&buffer->reservation());
    const ReservationLock lock(std::move(reservations));
    const memory::VaMapping mapping{*start, *start + args.map_size, buffer, args.offset_in_bo,
                                    va_access(args.flags)};
    int result = -EINVAL;
    if (args.operation == AMDGPU_VA_OP_UNMAP) return space.unmap(buffer, *start);
    if (args.operation == AMDGPU_VA_OP_MAP) result = space.map(mapping);
    if (args.operation == AMDGPU_VA_OP_REPLACE) result = space.replace(mapping);
    // amdgpu_gem_va_update_vm(): without memory for page tables the next submission fails, not
    // this.
    if (result == 0 && !(args.flags & AMDGPU_VM_DELAY_UPDATE) && space.update() != 0)
        log("client {} ({}): no VRAM left for page tables of {:#x}", file.client_id(),
            file.client_name(), mapping.start);
    return result;
}

int collect_buffers(DrmFile& file, const drm_amdgpu_bo_list_in& in, BufferList* list) {
    if (in.bo_number > kMaxListEntries) return -EINVAL;
    if (in.bo_number == 0) return 0;
    if (in.bo_info_ptr == 0) return -EFAULT;
    // Entries may be larger than ours (newer user space) or smaller (zero-extended).
    const auto* from = reinterpret_cast<const std::byte*>(in.bo_info_ptr);
    const size_t size = std::min<size_t>(in.bo_info_size, sizeof(drm_amdgpu_bo_list_entry));
    list->reserve(in.bo_number);
    for (uint32_t i = 0; i < in.bo_number; ++i, from += in.bo_info_size) {
        drm_amdgpu_bo_list_entry entry{};
        std::memcpy(&entry, from, size);
        BufferPtr buffer = file.buffers().find(entry.bo_handle);
        if (!buffer) return -ENOENT;
        list->push_back(std::move(buffer));
    }
    return 0;
}

int bo_list(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_bo_list*>(argument);
    const drm_amdgpu_bo_list_in in = args.in;
    auto list = std::make_shared<BufferList>();
    if (in.operation != AMDGPU_BO_LIST_OP_DESTROY)
        if (const int error = collect_buffers(file, in, list.get())) return error;
    uint32_t handle = in.list_handle;
    switch (in.operation) {
        case AMDGPU_BO_LIST_OP_CREATE: {
            const auto added = file.buffer_lists().add([&](uint32_t) { return list; });
            if (!added) return added.error();
            handle = *added;
            break;
        }
        case AMDGPU_BO_LIST_OP_DESTROY:
            file.buffer_lists().take(handle);
            handle = 0;
            break;
        case AMDGPU_BO_LIST_OP_UPDATE:
            if (!file.buffer_lists().replace(handle, list)) return -ENOENT;
            break;
        default:
            return -EINVAL;
    }
    args = {};
    args.out.list_handle = handle;
    return 0;
}

}  // namespace simgpu::amdgpu::gem
