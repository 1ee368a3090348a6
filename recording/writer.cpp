#include "recording/writer.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <array>
#include <cstring>
#include <vector>

namespace viaduct::recording {

namespace {

// Room for the record that says why the recording ends.
constexpr uint64_t kEndBytes = sizeof(RecordHeader) + sizeof(End);

}  // namespace

Result<RecordingWriter> RecordingWriter::create(const std::string& path, uint32_t flags,
                                                uint64_t most_bytes) {
    UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) {
        const int code = errno;
        return fail(code, "cannot make {}: {}", path, std::strerror(code));
    }
    RecordingWriter writer(std::move(file), path, most_bytes);
    FileHeader header;
    header.flags = flags;
    const std::array pieces = {std::as_bytes(std::span(&header, 1))};
    if (!writer.write_all(pieces)) return fail(EIO, "{}", writer.error_);
    return writer;
}

bool RecordingWriter::write(RecordType type, std::span<const std::byte> fixed, Parts parts) {
    if (!open()) return false;
    RecordHeader header{type, static_cast<uint32_t>(fixed.size())};
    uint64_t bytes = sizeof(header) + fixed.size();
    std::vector<std::span<const std::byte>> pieces = {std::as_bytes(std::span(&header, 1)), fixed};
    for (const auto part : parts) {
        pieces.push_back(part);
        bytes += part.size();
    }
    const uint64_t content = bytes - sizeof(header);
    if (content > kMostRecordBytes || bytes_ + bytes + kEndBytes > most_bytes_) {
        error_ = fmt::format("{} ends at {} bytes: the next record has {}, and the limit is {}",
                             path_, bytes_, bytes, most_bytes_);
        finish(EndReason::kTooLarge);
        return false;
    }
    header.bytes = static_cast<uint32_t>(content);
    return write_all(pieces);
}

// The reason for an end is kept: it is the first.
void RecordingWriter::finish(EndReason reason) {
    if (!open()) return;
    const End end{reason};
    const RecordHeader header{RecordType::kEnd, sizeof(end)};
    const std::array pieces = {std::as_bytes(std::span(&header, 1)),
                               std::as_bytes(std::span(&end, 1))};
    if (write_all(pieces)) file_.reset();
}

bool RecordingWriter::write_all(std::span<const std::span<const std::byte>> pieces) {
    std::vector<iovec> left;
    for (const auto piece : pieces)
        if (!piece.empty()) left.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
    for (size_t first = 0; first < left.size();) {
        const ssize_t written =
            ::writev(file_.get(), &left[first], static_cast<int>(left.size() - first));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            error_ = fmt::format("{} ends at {} bytes: {}", path_, bytes_, std::strerror(errno));
            file_.reset();
            return false;
        }
        bytes_ += static_cast<uint64_t>(written);
        auto done = static_cast<size_t>(written);
        while (first < left.size() && done >= left[first].iov_len) done -= left[first++].iov_len;
        if (first == left.size()) break;
        left[first].iov_base = static_cast<std::byte*>(left[first].iov_base) + done;
        left[first].iov_len -= done;
    }
    return true;
}

}  // namespace viaduct::recording
