#include "blob/udmabuf.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <vector>

#include "blob/mapping.h"

namespace viaduct {

namespace {

// Far more than a VM has memory backends; each costs a look at all descriptors of the process.
constexpr size_t kMostFiles = 16;

class KernelUdmabuf : public UdmabufDevice {
  public:
    explicit KernelUdmabuf(UniqueFd fd) : fd_(std::move(fd)) {}
    int create_list(udmabuf_create_list& list) override {
        const int result = ::ioctl(fd_.get(), UDMABUF_CREATE_LIST, &list);
        return result < 0 ? -errno : result;
    }
    UdmabufLimits limits() const override {
        const UdmabufLimits defaults;
        return {parameter("list_limit", defaults.entries),
                parameter("size_limit_mb", defaults.megabytes)};
    }

  private:
    static uint64_t parameter(const char* name, uint64_t otherwise) {
        const auto path = fmt::format("/sys/module/udmabuf/parameters/{}", name);
        const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        char text[32] = "";
        uint64_t value = 0;
        if (!file || ::read(file.get(), text, sizeof(text) - 1) <= 0) return otherwise;
        return std::sscanf(text, "%" SCNu64, &value) == 1 ? value : otherwise;
    }

    UniqueFd fd_;
};

// A file of the guest's memory, for the length of one call.
struct Source {
    FileId file;
    UniqueFd fd;
};

// Gathers the kernel's list: one entry for each stretch of a file.
class ListBuilder {
  public:
    ListBuilder(const MappedFiles& mapped, uint64_t most) : mapped_(mapped), most_(most) {}

    // `length` is a multiple of the page size.
    Status add(uintptr_t address, uint64_t length) {
        while (length > 0) {
            const MappedFile* mapping = mapped_.find(address);
            if (!mapping)
                return fail(EOPNOTSUPP,
                            "guest memory at {:#x} is not a shared file; start the VM with "
                            "memory-backend-memfd,share=on",
                            address);
            if (mapping->foreign)
                return fail(EREMOTE,
                            "guest memory at {:#x} is another Xen domain's, of which no dma-buf "
                            "can be made",
                            address);
            const uint64_t piece = std::min<uint64_t>(length, mapping->end - address);
            const auto status =
                add_piece(mapping->file, mapping->offset + (address - mapping->begin), piece);
            if (!status) return status;
            address += piece;
            length -= piece;
        }
        return {};
    }

    std::span<const udmabuf_create_item> items() const { return items_; }

  private:
    Status add_piece(const FileId& file, uint64_t offset, uint64_t size) {
        const auto fd = descriptor_of(file);
        if (!fd) return tl::unexpected(fd.error());
        if (!items_.empty()) {
            udmabuf_create_item& last = items_.back();
            if (last.memfd == *fd && last.offset + last.size == offset) {
                last.size += size;
                return {};
            }
        }
        if (items_.size() == most_)
            return fail(EINVAL,
                        "the guest's memory is in more than {} pieces, the limit of udmabuf's "
                        "parameter list_limit",
                        most_);
        items_.push_back({*fd, 0, offset, size});
        return {};
    }

    Result<uint32_t> descriptor_of(const FileId& file) {
        const auto known = std::ranges::find(sources_, file, &Source::file);
        if (known != sources_.end()) return static_cast<uint32_t>(known->fd.get());
        if (sources_.size() == kMostFiles)
            return fail(EINVAL, "the guest's memory is in more than {} files", kMostFiles);
        // Correct whatever it holds: the number is only tried first.
        static thread_local int hint = -1;
        auto fd = find_open_file(file, hint);
        if (!fd) return tl::unexpected(Error{EOPNOTSUPP, fd.error().message});
        if (auto sealed = check_seals(fd->get(), file); !sealed)
            return tl::unexpected(sealed.error());
        sources_.push_back({file, *std::move(fd)});
        return static_cast<uint32_t>(sources_.back().fd.get());
    }

    // udmabuf.c, SEALS_WANTED and SEALS_DENIED.
    static Status check_seals(int fd, const FileId& file) {
        const int seals = ::fcntl(fd, F_GET_SEALS);
        if (seals < 0)
            return fail(EOPNOTSUPP, "guest memory of inode {} is not a memfd", file.inode);
        if (!(seals & F_SEAL_SHRINK))
            return fail(EACCES,
                        "guest memory of inode {} can shrink; start the VM with "
                        "memory-backend-memfd,seal=on",
                        file.inode);
        if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
            return fail(EACCES, "guest memory of inode {} is sealed against writing", file.inode);
        return {};
    }

    const MappedFiles& mapped_;
    const uint64_t most_;
    std::vector<Source> sources_;
    std::vector<udmabuf_create_item> items_;
};

uint64_t page_mask() {
    return round_up_to_page(1) - 1;
}

// Adds `size` bytes, a multiple of the page size. The last entry may end within a page: that page
// is the guest's as a whole.
Status add_all(ListBuilder& list, std::span<const iovec> iovecs, uint64_t size) {
    for (const iovec& entry : iovecs) {
        if (size == 0) return {};
        const auto address = reinterpret_cast<uintptr_t>(entry.iov_base);
        const uint64_t length = std::min<uint64_t>(round_up_to_page(entry.iov_len), size);
        const bool whole =
            (address & page_mask()) == 0 && (length == size || (entry.iov_len & page_mask()) == 0);
        if (!whole || length == 0)
            return fail(EINVAL, "{} bytes of guest memory at {:#x} are not whole pages",
                        entry.iov_len, address);
        if (const auto status = list.add(address, length); !status) return status;
        size -= length;
    }
    if (size > 0) return fail(EINVAL, "the guest's memory is {} bytes too short", size);
    return {};
}

int create(UdmabufDevice& device, std::span<const udmabuf_create_item> items) {
    // The structure of the kernel ends in its list.
    std::vector<uint64_t> storage(1 + items.size() * sizeof(udmabuf_create_item) / 8);
    static_assert(sizeof(udmabuf_create_list) == 8 && sizeof(udmabuf_create_item) % 8 == 0);
    auto* list = reinterpret_cast<udmabuf_create_list*>(storage.data());
    list->flags = UDMABUF_FLAGS_CLOEXEC;
    list->count = static_cast<uint32_t>(items.size());
    std::memcpy(storage.data() + 1, items.data(), items.size_bytes());
    return device.create_list(*list);
}

}  // namespace

Result<std::unique_ptr<UdmabufDevice>> UdmabufDevice::open() {
    UniqueFd fd(::open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
    if (!fd) return fail(errno, "cannot open /dev/udmabuf: {}", std::strerror(errno));
    return std::make_unique<KernelUdmabuf>(std::move(fd));
}

Result<UniqueFd> create_udmabuf(UdmabufDevice& device, std::span<const iovec> iovecs,
                                uint64_t size) {
    const auto mapped = MappedFiles::of_this_process();
    if (!mapped) return tl::unexpected(mapped.error());
    return create_udmabuf(device, *mapped, iovecs, size);
}

Result<UniqueFd> create_udmabuf(UdmabufDevice& device, const MappedFiles& mapped,
                                std::span<const iovec> iovecs, uint64_t size) {
    const uint64_t whole = round_up_to_page(size);
    if (whole == 0) return fail(EINVAL, "{} bytes cannot be a dma-buf", size);
    const UdmabufLimits limits = device.limits();
    if ((whole - 1) >> 20 >= limits.megabytes)
        return fail(EINVAL,
                    "{} bytes are more than the {} MiB of udmabuf's parameter size_limit_mb", whole,
                    limits.megabytes);
    ListBuilder list(mapped, limits.entries);
    if (const auto status = add_all(list, iovecs, whole); !status)
        return tl::unexpected(status.error());
    const int fd = create(device, list.items());
    if (fd < 0)
        return fail(-fd, "udmabuf refused {} bytes in {} pieces: {}", whole, list.items().size(),
                    std::strerror(-fd));
    return UniqueFd(fd);
}

}  // namespace viaduct
