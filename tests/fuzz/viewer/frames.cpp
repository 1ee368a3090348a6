// The pictures that a VMM sends to the viewer over D-Bus: any description, with any descriptors.
// Their messages' types are sd-bus's to check.
#include <drm_fourcc.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "base/log.h"
#include "blob/memfd.h"
#include "display/viewer/picture.h"
#include "display/viewer/pixman_format.h"
#include "display/viewer/scanout.h"
#include "display/wayland/cursor_image.h"
#include "tests/fuzz/grammar.h"
#include "tests/fuzz/target.h"

namespace viaduct::fuzz {

namespace {

/// A message, or what the viewer does with the picture.
enum class Kind : uint16_t {
    kScanout,  // PictureOperands
    kPixels,   // PixelOperands, and the bytes
    kChange,   // PixelOperands, and the bytes
    kDisable,  // nothing
    kFrame,    // RectOperands: what has changed. The frame is read, too
    kDark,     // nothing
    kCursor,   // CursorOperands, and the bytes
    kShrink,   // nothing: the VMM truncates its memory
};
constexpr uint16_t kKinds = 8;

enum File : uint8_t { kSealed, kPlain, kEmpty, kDevice, kClosed, kFiles };

constexpr size_t kMostPlanes = 4;
constexpr uint64_t kFileBytes = 64 << 10;

struct PictureOperands {
    uint32_t x, y, width, height;
    uint32_t offsets[kMostPlanes];
    uint32_t strides[kMostPlanes];
    uint32_t fourcc;
    uint32_t backing_width, backing_height;
    uint64_t modifier;
    uint8_t files[kMostPlanes];  // File
    uint8_t file_count, offset_count, stride_count;
    uint8_t flags;  // 1: bottom up; 2: plain memory
};
struct PixelOperands {
    int32_t x, y;
    uint32_t width, height, stride, format;
};
struct RectOperands {
    int32_t x, y, width, height;
};
struct CursorOperands {
    int32_t width, height, hot_x, hot_y;
};

constexpr uint32_t kSides[] = {0, 1, 16, 64, 640, 4096, kMaxFrameSide, kMaxFrameSide + 1, ~0u};
constexpr uint32_t kFourccs[] = {
    DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888, DRM_FORMAT_RGB565,        DRM_FORMAT_NV12,
    DRM_FORMAT_P010,     DRM_FORMAT_YUV420,   DRM_FORMAT_ABGR16161616F, 0};
constexpr uint64_t kModifiers[] = {DRM_FORMAT_MOD_LINEAR, DRM_FORMAT_MOD_INVALID,
                                   I915_FORMAT_MOD_Y_TILED, 0x0200'0000'0000'0001};
// PIXMAN_x8r8g8b8, a8r8g8b8, r5g6b5, b8g8r8x8.
constexpr uint32_t kPixmanFormats[] = {0x20020888, 0x20028888, 0x10020565, 0x20080888, 7};

uint32_t any_side(Random& random) {
    return random.once(4) ? random.of(std::span<const uint32_t>(kSides))
                          : static_cast<uint32_t>(1 + random.below(64));
}
int32_t any_coordinate(Random& random) {
    return static_cast<int32_t>(random.once(4) ? random.edge() : random.below(64));
}

/// Ends at the last byte of its file: the next mutation may end behind it.
void fit(PictureOperands& picture) {
    const uint64_t size = uint64_t{picture.strides[0]} * picture.backing_height;
    if (size > kFileBytes) return;
    picture.offsets[0] = static_cast<uint32_t>(kFileBytes - size);
    picture.file_count = picture.offset_count = picture.stride_count = 1;
    picture.files[0] = kSealed;
    picture.modifier = DRM_FORMAT_MOD_LINEAR;
    picture.fourcc = DRM_FORMAT_XRGB8888;
}

PictureOperands any_picture(Random& random) {
    PictureOperands picture{};
    picture.width = any_side(random);
    picture.height = any_side(random);
    picture.backing_width = random.once(2) ? picture.width : any_side(random);
    picture.backing_height = random.once(2) ? picture.height : any_side(random);
    picture.x = random.once(4) ? any_side(random) : 0;
    picture.y = random.once(4) ? any_side(random) : 0;
    picture.fourcc = random.of(std::span<const uint32_t>(kFourccs));
    picture.modifier = random.of(std::span<const uint64_t>(kModifiers));
    const auto count = static_cast<uint8_t>(random.once(2) ? 1 : random.below(kMostPlanes + 1));
    picture.file_count = picture.offset_count = picture.stride_count = count;
    if (random.once(8)) picture.file_count = static_cast<uint8_t>(random.below(kMostPlanes + 1));
    for (size_t i = 0; i < kMostPlanes; ++i) {
        picture.offsets[i] = static_cast<uint32_t>(random.once(4) ? random.edge() : 0);
        picture.strides[i] = static_cast<uint32_t>(
            random.once(4) ? random.edge() : uint64_t{picture.backing_width} * 4);
        picture.files[i] = static_cast<uint8_t>(random.once(2) ? kSealed : random.below(kFiles));
    }
    picture.flags = static_cast<uint8_t>(random.below(4));
    if (random.once(4)) fit(picture);
    return picture;
}

Step any_pixels(Kind kind, Random& random) {
    PixelOperands pixels{};
    const bool elsewhere = kind == Kind::kChange && random.once(2);
    pixels.x = elsewhere ? any_coordinate(random) : 0;
    pixels.y = elsewhere ? any_coordinate(random) : 0;
    pixels.width = any_side(random);
    pixels.height = any_side(random);
    pixels.stride = random.once(4) ? static_cast<uint32_t>(random.edge()) : pixels.width * 4;
    pixels.format = random.of(std::span<const uint32_t>(kPixmanFormats));
    Step step = make_step(static_cast<uint16_t>(kind), pixels);
    const uint64_t size = uint64_t{pixels.stride} * pixels.height;
    constexpr uint64_t kMost = 16 << 10;  // bytes
    const bool whole = size <= kMost && !random.once(4);
    const bool row_short = whole && random.once(4);  // of the last row, or of some of it
    step.bytes.resize(step.bytes.size() +
                      (row_short ? size - random.below(std::min<uint64_t>(size, pixels.stride) + 1)
                       : whole   ? size
                                 : random.below(std::min(size, kMost) + 1)));
    return step;
}

Step any_step(Kind kind, Random& random) {
    switch (kind) {
        case Kind::kScanout:
            return make_step(static_cast<uint16_t>(kind), any_picture(random));
        case Kind::kPixels:
        case Kind::kChange:
            return any_pixels(kind, random);
        case Kind::kCursor: {
            const auto side = static_cast<int32_t>(any_side(random));
            Step step = make_step(
                static_cast<uint16_t>(kind),
                CursorOperands{side, side, any_coordinate(random), any_coordinate(random)});
            if (side > 0 && side <= 64)
                step.bytes.resize(step.bytes.size() + 4 * static_cast<size_t>(side * side));
            return step;
        }
        default:
            return make_step(static_cast<uint16_t>(kind),
                             RectOperands{any_coordinate(random), any_coordinate(random),
                                          any_coordinate(random), any_coordinate(random)});
    }
}

class FrameGrammar final : public KindGrammar<Kind> {
  public:
    FrameGrammar() : KindGrammar(kKinds, any_step) {}
    Program make_program(Random& random) const override {
        Program program;
        for (const Kind kind : {Kind::kScanout, Kind::kFrame, Kind::kPixels, Kind::kFrame,
                                Kind::kChange, Kind::kFrame, Kind::kCursor, Kind::kDark})
            program.push_back(any_step(kind, random));
        return program;
    }
};

/// A viewer, and the files that a VMM has.
class Viewer {
  public:
    void run(const Step& step) {
        switch (static_cast<Kind>(step.kind)) {
            case Kind::kScanout:
                (void)scanout_.show(picture(step.as<PictureOperands>()));
                break;
            case Kind::kPixels:
                (void)scanout_.show(pixels(step));
                break;
            case Kind::kChange: {
                const auto at = step.as<PixelOperands>();
                (void)scanout_.change(at.x, at.y, pixels(step));
                break;
            }
            case Kind::kDisable:
                scanout_.disable(1);
                break;
            case Kind::kFrame:
                read(step.as<RectOperands>());
                break;
            case Kind::kDark:
                (void)scanout_.dark_frame();
                break;
            case Kind::kCursor: {
                const auto cursor = step.as<CursorOperands>();
                (void)wayland::check_cursor(cursor.width, cursor.height, cursor.hot_x, cursor.hot_y,
                                            behind<CursorOperands>(step));
                break;
            }
            case Kind::kShrink:
                if (::ftruncate(plain_.get(), 1) != 0) give_up("ftruncate() fails");
                break;
        }
    }

  private:
    template <typename Operands>
    static std::span<const std::byte> behind(const Step& step) {
        const std::span bytes(step.bytes);
        return bytes.subspan(std::min(sizeof(Operands), bytes.size()));
    }
    static viewer::Pixels pixels(const Step& step) {
        const auto wanted = step.as<PixelOperands>();
        return {wanted.width, wanted.height, wanted.stride, wanted.format,
                behind<PixelOperands>(step)};
    }
    viewer::Picture picture(const PictureOperands& wanted) {
        viewer::Picture picture;
        const int files[kFiles] = {sealed_.get(), plain_.get(), empty_.get(), device_.get(), -1};
        const auto count = [](uint8_t number) { return std::min<size_t>(number, kMostPlanes); };
        for (size_t i = 0; i < count(wanted.file_count); ++i)
            picture.buffers.push_back(UniqueFd::duplicate_of(files[wanted.files[i] % kFiles]));
        picture.offsets.assign(wanted.offsets, wanted.offsets + count(wanted.offset_count));
        picture.strides.assign(wanted.strides, wanted.strides + count(wanted.stride_count));
        picture.x = wanted.x;
        picture.y = wanted.y;
        picture.width = wanted.width;
        picture.height = wanted.height;
        picture.fourcc = wanted.fourcc;
        picture.backing_width = wanted.backing_width;
        picture.backing_height = wanted.backing_height;
        picture.modifier = wanted.modifier;
        picture.bottom_up = (wanted.flags & 1) != 0;
        picture.plain_memory = (wanted.flags & 2) != 0;
        return picture;
    }
    /// As the presenter and the screenshot do.
    void read(const RectOperands& damage) {
        const auto frame =
            scanout_.frame(FrameRect{damage.x, damage.y, damage.width, damage.height});
        if (!frame) return;
        const auto& layout = frame->layout();
        const auto within = [](const FrameRect& rect, uint32_t width, uint32_t height) {
            return rect.x >= 0 && rect.y >= 0 && rect.width >= 0 && rect.height >= 0 &&
                   int64_t{rect.x} + rect.width <= width && int64_t{rect.y} + rect.height <= height;
        };
        if (!within(frame->crop(), layout.width, layout.height) ||
            !within(frame->damage(), layout.width, layout.height))
            __builtin_trap();  // display/frame.h promises it
        const uint64_t size =
            uint64_t{layout.width} * layout.height * bytes_per_pixel(layout.fourcc);
        constexpr uint64_t kMost = 1 << 20;  // bytes that are read
        if (layout.planes.size() != 1 || !frame->is_linear() || size > kMost) return;
        std::vector<std::byte> rows(size);
        (void)frame->read_rows(rows);
    }

    UniqueFd sealed_ = create_sealed_memfd("fuzz", kFileBytes).value();
    UniqueFd plain_ = [] {
        UniqueFd file(::memfd_create("fuzz", MFD_CLOEXEC));
        if (!file || ::ftruncate(file.get(), kFileBytes) != 0) give_up("no memory file");
        return file;
    }();
    UniqueFd empty_{::memfd_create("fuzz", MFD_CLOEXEC)};
    UniqueFd device_{::open("/dev/zero", O_RDWR | O_CLOEXEC)};
    viewer::Scanout scanout_;
};

}  // namespace

const Grammar& grammar() {
    static const FrameGrammar the_grammar;
    return the_grammar;
}

void start() {
    set_log_level(LogLevel::kSilent);
}

void run(std::span<const uint8_t> input) {
    Viewer viewer;
    for (const Step& step : parse_program(input)) viewer.run(step);
}

}  // namespace viaduct::fuzz
