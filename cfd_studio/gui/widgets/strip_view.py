"""A row of small images in one picture, shown as large as it fits."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cfd_studio.gui import theme

_HEIGHT = 36
_MOST = 112


class StripView(QWidget):
    """Shows a strip, or says why there is none.

    Images that grow do so by whole factors, so that their pixels stay square and sharp.
    """

    def __init__(self) -> None:
        super().__init__()
        self.image: QImage | None = None
        self._words = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(_HEIGHT)
        self.setMaximumHeight(_MOST)

    def show_image(self, image: QImage | None, words: str = "") -> None:
        """Show a strip, or words in its place."""
        if image is not self.image or words != self._words:
            self.image, self._words = image, words
            self.update()

    def sizeHint(self) -> QSize:
        """Return room for a row of thumbnails."""
        return QSize(200, _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the strip."""
        painter = QPainter(self)
        if self.image is None:
            painter.setPen(theme.color("muted"))
            painter.setFont(theme.font(12))
            flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect(), flags, self._words)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self._place(self.image.size()), self.image)
        painter.end()

    def _place(self, size: QSize) -> QRect:
        pixels = self.devicePixelRatioF()
        scale = min(self.width() / size.width(), self.height() / size.height()) * pixels
        scale = (int(scale) if scale >= 1 else scale) / pixels
        width, height = round(size.width() * scale), round(size.height() * scale)
        return QRect(0, (self.height() - height) // 2, width, height)
