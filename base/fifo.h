// Fifo: a queue in one array.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace viaduct {

/// First in, first out. Unlike std::deque it allocates only to grow; a long queue that gets empty
/// gives its memory back. Elements are default-constructible. Not thread-safe.
template <typename T>
class Fifo {
  public:
    bool empty() const { return size_ == 0; }
    size_t size() const { return size_; }
    /// Of one that is not empty.
    T& front() { return elements_[first_]; }
    /// The `index`-th, of size().
    const T& operator[](size_t index) const { return elements_[(first_ + index) & mask_]; }

    void push_back(T element) {
        if (size_ == elements_.size()) grow();
        elements_[(first_ + size_) & mask_] = std::move(element);
        ++size_;
    }
    /// Of one that is not empty.
    void pop_front() {
        elements_[first_] = T();
        first_ = (first_ + 1) & mask_;
        if (--size_ == 0 && mask_ >= kKept) {
            elements_ = std::vector<T>();  // gives the memory back, too
            first_ = mask_ = 0;
        }
    }

  private:
    static constexpr size_t kFewest = 16, kKept = 1024;  // elements; powers of two

    [[gnu::noinline]] void grow() {
        std::vector<T> more(elements_.empty() ? kFewest : 2 * elements_.size());
        for (size_t i = 0; i < size_; ++i) more[i] = std::move(elements_[(first_ + i) & mask_]);
        elements_.swap(more);
        mask_ = elements_.size() - 1;
        first_ = 0;
    }

    std::vector<T> elements_;
    size_t first_ = 0;
    size_t size_ = 0;
    size_t mask_ = 0;  // of elements_: their number less 1
};

}  // namespace viaduct
