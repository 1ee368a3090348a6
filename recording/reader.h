// RecordingReader: the records of a file, of which nothing is believed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "recording/format.h"

namespace viaduct::recording {

/// One record. `payload` has at least the fixed part that its type has, and lives until the next
/// one is read.
struct Record {
    RecordType type = RecordType::kEnd;
    std::span<const std::byte> payload;
    uint64_t number = 0;  // in the file, from 1

    /// The fixed part; `T` must be the type's.
    template <typename T>
    T as() const {
        T value{};
        std::memcpy(&value, payload.data(), sizeof(value));
        return value;
    }
    /// The bytes behind it.
    template <typename T>
    std::span<const std::byte> behind() const {
        return payload.subspan(sizeof(T));
    }
};

/// For people: "memory".
const char* name_of(RecordType type);

class RecordingReader {
  public:
    /// EINVAL: it is not a recording, or of another version.
    static Result<RecordingReader> open(const std::string& path);

    /// The next record; nothing at the end of the file. EINVAL: the file breaks off, or has what
    /// is not a record.
    Result<std::optional<Record>> next();
    /// Begins anew.
    Status rewind();

    bool without_contents() const { return flags_ & kWithoutContents; }

  private:
    RecordingReader(UniqueFd file, std::string path)
        : file_(std::move(file)), path_(std::move(path)) {}
    /// As many bytes as there are, up to those.
    Result<size_t> read(std::span<std::byte> to);
    Status take_header();

    UniqueFd file_;
    std::string path_;
    uint32_t flags_ = 0;
    uint64_t number_ = 0;
    std::vector<std::byte> buffer_;
};

}  // namespace viaduct::recording
