// Typed messages: images and buffers of formatted pixels, by coordinates.
#include <optional>

#include "simgpu/intel/eu/memory/image.h"
#include "simgpu/intel/eu/messages/atomic.h"
#include "simgpu/intel/eu/messages/place.h"

namespace simgpu::intel::eu {

namespace {

/// One typed message: an image, and where coordinates and data are in the payload.
class TypedAccess {
  public:
    TypedAccess(const MessageCall& call, const Surface* surface, unsigned channels)
        : call_(call), channels_(channels) {
        if (!surface) return;
        std::string problem;
        image_.emplace(*surface, &problem);
        if (problem.empty()) return;
        call.refuse(problem);
        image_.reset();
    }

    /// False if there is a fault, or the message has been refused.
    bool usable() const { return image_.has_value(); }
    const Image& image() const { return *image_; }
    ChannelMask channels() const { return call_.enabled & mask_of(channels_); }

    /// Bytes from one component of all channels to the next: whole registers.
    size_t row() const { return (size_t{channels_} * 4 + call_.grf - 1) / call_.grf * call_.grf; }
    size_t data() const { return size_t{call_.length} * call_.grf; }

    /// The pixel's address; nothing if it is outside.
    std::optional<uint64_t> address(unsigned channel) const {
        const size_t first = call_.header ? call_.grf : 0;
        std::array<uint32_t, 3> at{};
        for (unsigned i = 0; i < 3; i++)
            if (first + i * row() < data()) at[i] = call_.dword(first + i * row() + 4 * channel);
        if (image_->surface().type == SurfaceType::k1D) at = {at[0], 0, at[1]};
        return image_->address(at[0], at[1], at[2], image_->surface().level);
    }

  private:
    const MessageCall& call_;
    unsigned channels_;
    std::optional<Image> image_;
};

/// `mask`: bit per component that is there.
void read_typed(const MessageCall& call, const TypedAccess& access, uint32_t mask) {
    for_each_channel(access.channels(), [&](unsigned channel) {
        std::array<std::byte, 16> pixel{};
        Texel texel{};
        const Format& format = access.image().format();
        if (const auto va = access.address(channel)) {
            call.memory().read(*va, pixel.data(), format.bytes);
            texel = unpack(format, pixel.data());
        }
        unsigned slot = 0;
        for (unsigned i = 0; i < 4; i++)
            if (mask >> i & 1) call.answer(slot++ * access.row() + 4 * channel, &texel[i], 4);
    });
}

void write_typed(const MessageCall& call, const TypedAccess& access, uint32_t mask) {
    for_each_channel(access.channels(), [&](unsigned channel) {
        const auto va = access.address(channel);
        if (!va) return;
        const Format& format = access.image().format();
        Texel texel{};
        unsigned slot = 0;
        for (unsigned i = 0; i < 4; i++)
            if (mask >> i & 1)
                texel[i] = call.dword(access.data() + slot++ * access.row() + 4 * channel);
        std::array<std::byte, 16> pixel{};
        pack(format, texel, pixel.data());
        call.memory().write(*va, pixel.data(), format.bytes);
    });
}

// --- HDC1: 8 channels

constexpr unsigned kHdcChannels = 8;

/// The descriptor's mask has a bit for each component that is not there.
uint32_t hdc_mask(const MessageCall& call) {
    return ~call.field(11, 8) & 0xf;
}

void hdc_read(const MessageCall& call) {
    const TypedAccess access(call, indexed_surface(call), kHdcChannels);
    if (access.usable()) read_typed(call, access, hdc_mask(call));
}

void hdc_write(const MessageCall& call) {
    const TypedAccess access(call, indexed_surface(call), kHdcChannels);
    if (access.usable()) write_typed(call, access, hdc_mask(call));
}

void hdc_atomic(const MessageCall& call) {
    const TypedAccess access(call, indexed_surface(call), kHdcChannels);
    if (!access.usable()) return;
    const auto op = AtomicOp(call.field(11, 8));
    if (op == AtomicOp{} || access.image().format().bytes != 4)
        return call.refuse("an atomic operation, or on a format, that is not simulated");
    const unsigned sources = sources_of(op);
    for_each_channel(access.channels(), [&](unsigned channel) {
        const size_t data = access.data() + 4 * channel;
        const uint32_t first = sources > 0 ? call.dword(data) : 0;
        const uint32_t second = sources > 1 ? call.dword(data + access.row()) : 0;
        uint32_t old = 0;
        const auto va = access.address(channel);
        if (std::byte* place = va ? call.memory().atomic_place(*va, 4) : nullptr)
            old = static_cast<uint32_t>(
                atomic_update(place, 4, op, sources > 1 ? second : first, first));
        if (call.field(13, 13)) call.answer(4 * channel, &old, 4);
    });
}

// --- TGM: as many channels as the instruction has

uint32_t lsc_mask(const MessageCall& call) {
    return call.field(15, 12);
}

void tgm_load(const MessageCall& call) {
    const TypedAccess access(call, lsc_surface(call), call.in.channels);
    if (access.usable()) read_typed(call, access, lsc_mask(call));
}

void tgm_store(const MessageCall& call) {
    const TypedAccess access(call, lsc_surface(call), call.in.channels);
    if (access.usable()) write_typed(call, access, lsc_mask(call));
}

/// On pixels of one component: "Data Size" D32 or D64.
void tgm_atomic(const MessageCall& call) {
    const TypedAccess access(call, lsc_surface(call), call.in.channels);
    if (!access.usable()) return;
    constexpr uint32_t kD32 = 2, kD64 = 3;
    const uint32_t size = call.field(11, 9);
    const unsigned bytes = size == kD64 ? 8 : 4;
    if ((size != kD32 && size != kD64) || access.image().format().bytes != bytes)
        return call.refuse("an atomic of a size that its format has not");
    const AtomicOp op = lsc_atomic_op(call.field(5, 0));
    const unsigned sources = sources_of(op);
    const size_t row = access.row() * bytes / 4;
    for_each_channel(access.channels(), [&](unsigned channel) {
        const size_t lane = size_t{channel} * bytes, data = access.data() + lane;
        const uint64_t first = sources > 0 ? call.number(data, bytes) : 0;
        const uint64_t second = sources > 1 ? call.number(data + row, bytes) : 0;
        uint64_t old = 0;
        const auto va = access.address(channel);
        // Of two operands the first is what is compared with.
        if (std::byte* place = va ? call.memory().atomic_place(*va, bytes) : nullptr)
            old = atomic_update(place, bytes, op, sources > 1 ? second : first, first);
        call.answer(lane, &old, bytes);
    });
}

constexpr MessageOp kHdcOps[] = {
    {sfid::kDataCache1, 0x05, "hdc1 typed read", hdc_read},
    {sfid::kDataCache1, 0x06, "hdc1 typed atomic", hdc_atomic},
    {sfid::kDataCache1, 0x0d, "hdc1 typed write", hdc_write},
};
constexpr auto kTgmOps = [] {
    std::array<MessageOp, 3 + kLscAtomics> rows{};
    rows[0] = {sfid::kTypedGlobal, 2, "tgm load_cmask", tgm_load};
    rows[1] = {sfid::kTypedGlobal, 6, "tgm store_cmask", tgm_store};
    rows[2] = {sfid::kTypedGlobal, 31, "tgm fence", fence};
    for (size_t i = 0; i < kLscAtomics; i++)
        rows[3 + i] = {sfid::kTypedGlobal, static_cast<uint8_t>(kFirstLscAtomic + i), "tgm atomic",
                       tgm_atomic};
    return rows;
}();

}  // namespace

std::span<const MessageOp> typed_messages() {
    return kHdcOps;
}
std::span<const MessageOp> typed_lsc_messages() {
    return kTgmOps;
}

}  // namespace simgpu::intel::eu
