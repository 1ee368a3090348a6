// RecordingWriter: appends records to a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "base/result.h"
#include "base/unique_fd.h"
#include "recording/format.h"

namespace viaduct::recording {

/// Each record reaches the file before add() returns, so that a crash loses none. Not thread-safe.
class RecordingWriter {
  public:
    using Parts = std::initializer_list<std::span<const std::byte>>;

    /// Makes the file, which must not exist, for its owner's eyes only: it holds what programs work
    /// on. `most_bytes` bounds its size.
    static Result<RecordingWriter> create(const std::string& path, uint32_t flags,
                                          uint64_t most_bytes);

    /// False: nothing more is written. error() gives the reason.
    template <typename Record>
    bool add(const Record& record, Parts parts = {}) {
        if constexpr (std::is_empty_v<Record>)
            return write(Record::kType, {}, parts);
        else
            return write(Record::kType, std::as_bytes(std::span(&record, 1)), parts);
    }
    /// The last record.
    void finish(EndReason reason);

    bool open() const { return file_.valid(); }
    /// A sentence; empty while the file is open, and after finish().
    const std::string& error() const { return error_; }
    uint64_t bytes() const { return bytes_; }

  private:
    RecordingWriter(UniqueFd file, std::string path, uint64_t most_bytes)
        : file_(std::move(file)), path_(std::move(path)), most_bytes_(most_bytes) {}
    bool write(RecordType type, std::span<const std::byte> fixed, Parts parts);
    bool write_all(std::span<const std::span<const std::byte>> pieces);

    UniqueFd file_;
    std::string path_;
    std::string error_;
    uint64_t most_bytes_;
    uint64_t bytes_ = 0;
};

}  // namespace viaduct::recording
