#include "recording/reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

namespace viaduct::recording {

namespace {

struct Shape {
    RecordType type;
    const char* name;
    size_t fixed;
    bool has_tail;
};

template <typename T>
constexpr Shape shape(const char* name, bool has_tail = false) {
    return {T::kType, name, std::is_empty_v<T> ? 0 : sizeof(T), has_tail};
}

constexpr std::array kShapes = {
    shape<Host>("host", true),
    shape<ContextCreated>("context", true),
    shape<ContextDestroyed>("context end"),
    shape<BlobCreated>("blob"),
    shape<Unreferenced>("unref"),
    shape<Attached>("attach"),
    shape<Detached>("detach"),
    shape<Mapped>("map"),
    shape<Memory>("memory", true),
    shape<Submitted>("submit", true),
    shape<FenceCreated>("fence"),
    shape<FenceRetired>("retired"),
    shape<Answer>("answer", true),
    shape<Refused>("refused"),
    shape<Reset>("reset"),
    shape<End>("end"),
};

const Shape* find_shape(RecordType type) {
    const auto* found = std::ranges::find(kShapes, type, &Shape::type);
    return found == kShapes.end() ? nullptr : found;
}

}  // namespace

const char* name_of(RecordType type) {
    const Shape* found = find_shape(type);
    return found ? found->name : "unknown";
}

Result<RecordingReader> RecordingReader::open(const std::string& path) {
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        const int code = errno;
        return fail(code, "cannot open {}: {}", path, std::strerror(code));
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
        return fail(EINVAL, "{} is not a file", path);
    RecordingReader reader(std::move(file), path);
    if (auto taken = reader.take_header(); !taken) return tl::unexpected(taken.error());
    return reader;
}

Status RecordingReader::take_header() {
    FileHeader header;
    const auto got = read(std::as_writable_bytes(std::span(&header, 1)));
    if (!got) return tl::unexpected(got.error());
    if (*got != sizeof(header) || header.magic != kMagic)
        return fail(EINVAL, "{} is not a recording of viaduct record", path_);
    if (header.version != kVersion)
        return fail(EINVAL, "{} has version {} of the format; this program reads version {}", path_,
                    header.version, kVersion);
    if (header.flags & ~kWithoutContents)
        return fail(EINVAL, "{} has flags {:#x}, which this program does not know", path_,
                    header.flags);
    flags_ = header.flags;
    number_ = 0;
    return {};
}

Status RecordingReader::rewind() {
    if (::lseek(file_.get(), 0, SEEK_SET) != 0)
        return fail(errno, "cannot begin {} anew: {}", path_, std::strerror(errno));
    return take_header();
}

Result<size_t> RecordingReader::read(std::span<std::byte> to) {
    size_t done = 0;
    while (done < to.size()) {
        const ssize_t got = ::read(file_.get(), to.data() + done, to.size() - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(errno, "cannot read {}: {}", path_, std::strerror(errno));
        if (got == 0) break;
        done += static_cast<size_t>(got);
    }
    return done;
}

Result<std::optional<Record>> RecordingReader::next() {
    RecordHeader header{};
    const auto got = read(std::as_writable_bytes(std::span(&header, 1)));
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) return std::nullopt;
    ++number_;
    if (*got != sizeof(header))
        return fail(EINVAL, "{} breaks off in the head of record {}", path_, number_);
    const Shape* shape = find_shape(header.type);
    if (!shape)
        return fail(EINVAL, "{}: record {} is of type {}, which is unknown", path_, number_,
                    static_cast<uint32_t>(header.type));
    const bool fits = shape->has_tail ? header.bytes >= shape->fixed : header.bytes == shape->fixed;
    if (!fits || header.bytes > kMostRecordBytes)
        return fail(EINVAL, "{}: record {} ({}) cannot have {} bytes", path_, number_, shape->name,
                    header.bytes);
    if (buffer_.size() < header.bytes) buffer_.resize(header.bytes);
    const std::span<std::byte> payload(buffer_.data(), header.bytes);
    const auto content = read(payload);
    if (!content) return tl::unexpected(content.error());
    if (*content != header.bytes)
        return fail(EINVAL, "{} breaks off in record {} ({})", path_, number_, shape->name);
    return Record{header.type, payload, number_};
}

}  // namespace viaduct::recording
