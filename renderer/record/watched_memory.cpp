#include "renderer/record/watched_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace viaduct {

namespace {

constexpr uint64_t kChunk = 4096;
// Fewer equal bytes than a record's head has do not end a run.
constexpr size_t kSmallestGap = 24;
constexpr size_t kLongestRun = 1 << 20;

}  // namespace

/// Joins changes that are close to each other.
class WatchedMemory::Runs {
  public:
    explicit Runs(const Changed& changed) : changed_(changed) {}

    /// `now` and `before` have the same bytes of the resource, from `offset` on.
    void add(uint64_t offset, std::span<const std::byte> now, std::span<const std::byte> before) {
        for (size_t i = 0; i < now.size();) {
            const auto start =
                std::mismatch(now.begin() + static_cast<std::ptrdiff_t>(i), now.end(),
                              before.begin() + static_cast<std::ptrdiff_t>(i));
            if (start.first == now.end()) return;
            i = static_cast<size_t>(start.first - now.begin());
            size_t end = i + 1;  // behind the last byte that differs
            for (size_t j = end; j < now.size() && j - end < kSmallestGap; ++j)
                if (now[j] != before[j]) end = j + 1;
            append(offset + i, now.subspan(i, end - i));
            i = end;
        }
    }
    void flush() {
        if (!bytes_.empty()) changed_(start_, bytes_);
        bytes_.clear();
    }

  private:
    void append(uint64_t offset, std::span<const std::byte> bytes) {
        if (offset != start_ + bytes_.size() || bytes_.size() + bytes.size() > kLongestRun) {
            flush();
            start_ = offset;
        }
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }

    const Changed& changed_;
    uint64_t start_ = 0;
    std::vector<std::byte> bytes_;
};

Result<WatchedMemory> WatchedMemory::create(MemoryView view) {
    std::vector<Piece> pieces;
    uint64_t size = 0;
    const auto add = [&](void* data, uint64_t bytes) {
        if (bytes != 0) pieces.push_back({static_cast<std::byte*>(data), bytes, size});
        size += bytes;
    };
    if (view.mapping.valid())
        add(view.mapping.data(), view.mapping.size());
    else
        for (const iovec& entry : view.guest) add(entry.iov_base, entry.iov_len);
    if (size == 0) return fail(EINVAL, "it has no bytes");
    void* const copy = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (copy == MAP_FAILED) return fail(ENOMEM, "out of memory for a copy of {} bytes", size);
    return WatchedMemory(std::move(view), std::move(pieces), Mapping(copy, size));
}

std::span<std::byte> WatchedMemory::bytes() const {
    if (pieces_.size() != 1) return {};
    return {pieces_.front().data, static_cast<size_t>(pieces_.front().size)};
}

std::pair<uint64_t, uint64_t> WatchedMemory::next_data(uint64_t begin, uint64_t end) const {
    const int fd = view_.sparse.get();
    if (fd < 0) return {begin, end - begin};
    const auto at = [this](uint64_t offset) { return static_cast<off_t>(view_.offset + offset); };
    const off_t data = ::lseek(fd, at(begin), SEEK_DATA);
    if (data < 0)
        return errno == ENXIO ? std::pair(end, uint64_t{0}) : std::pair(begin, end - begin);
    const off_t hole = ::lseek(fd, data, SEEK_HOLE);
    const uint64_t first = static_cast<uint64_t>(data) - view_.offset;
    const uint64_t last = hole < 0 ? end : static_cast<uint64_t>(hole) - view_.offset;
    if (first >= end) return {end, 0};
    return {first, std::min(last, end) - first};
}

void WatchedMemory::compare(const std::byte* now, uint64_t offset, uint64_t size, Runs& runs) {
    std::array<std::byte, kChunk> stable;
    std::byte* const before = copy_.data() + offset;
    for (uint64_t at = 0; at < size; at += kChunk) {
        const auto bytes = static_cast<size_t>(std::min(kChunk, size - at));
        if (std::memcmp(now + at, before + at, bytes) == 0) continue;
        std::memcpy(stable.data(), now + at, bytes);  // it may change at any time
        runs.add(offset + at, {stable.data(), bytes}, {before + at, bytes});
        std::memcpy(before + at, stable.data(), bytes);
    }
}

void WatchedMemory::collect(const Changed& changed) {
    Runs runs(changed);
    for (const Piece& piece : pieces_)
        for (uint64_t at = 0; at < piece.size;) {
            const auto [data, size] = next_data(at, piece.size);
            if (size == 0) break;
            compare(piece.data + data, piece.offset + data, size, runs);
            at = data + size;
        }
    runs.flush();
}

}  // namespace viaduct
